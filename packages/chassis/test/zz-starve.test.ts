import { instant } from '@valora/rating';
import { test } from 'vitest';
import { openLab } from './lab/lab.ts';
import { ensureFence, takeRecordedTime, sealThrough, currentTime } from '../src/fence.ts';
test('starve', async () => {
  const lab = await openLab({ poolSizeMax: 24 });
  await lab.database.bulk('a', (sql) => ensureFence(sql, null));
  let on = true; let n = 0; const times: number[] = [];
  const writer = async () => { while (on) { await lab.database.bulk('a', async (sql) => { await takeRecordedTime(sql); await sql.query('select pg_sleep(0.01)::text'); n++; }); } };
  const all = Promise.all(Array.from({ length: 20 }, writer));
  await new Promise((r) => setTimeout(r, 300));
  const t0 = performance.now();
  while (performance.now() - t0 < 5000 && times.length < 50) { const t = performance.now(); const r = await Promise.race([lab.database.bulk('a', async (sql) => { await sealThrough(sql, await currentTime(sql)); return 'ok'; }), new Promise((r) => setTimeout(() => r('starved'), 5000))]); times.push(performance.now() - t); if (r === 'starved') { console.log('STARVED'); break; } }
  on = false; await all;
  times.sort((a, b) => a - b);
  console.log('writes', n, 'seals', times.length, 'median', times[times.length >> 1], 'max', times.at(-1), instant(0n));
  await lab.close();
});
