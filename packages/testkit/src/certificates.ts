// Certificates of an authority of the test's own, for TLS on this machine.
import { generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
}

export interface Authority {
  /** PEM. */
  readonly ca: string;
  /** A certificate for `localhost` and 127.0.0.1 that this authority signed. */
  issue(name: string): Certificate;
}

interface Keys {
  readonly publicKey: string;
  readonly privateKey: string;
}

const DAY_MS = 86_400_000;
const IP = 7;
const DNS = 2;

export function createAuthority(name: string): Authority {
  const own = newKeys();
  let serial = 0;
  const certify = (subject: string, keys: Keys, extensions: object[]): string => {
    const certificate = forge.pki.createCertificate();
    serial += 1;
    certificate.serialNumber = serial.toString(16).padStart(2, '0');
    certificate.publicKey = forge.pki.publicKeyFromPem(keys.publicKey);
    certificate.validity.notBefore = new Date(Date.now() - DAY_MS);
    certificate.validity.notAfter = new Date(Date.now() + DAY_MS);
    certificate.setSubject([{ name: 'commonName', value: subject }]);
    certificate.setIssuer([{ name: 'commonName', value: name }]);
    certificate.setExtensions(extensions);
    certificate.sign(forge.pki.privateKeyFromPem(own.privateKey), forge.md.sha256.create());
    return forge.pki.certificateToPem(certificate);
  };
  return {
    ca: certify(name, own, [{ name: 'basicConstraints', cA: true, critical: true }]),
    issue(subject) {
      const keys = newKeys();
      return { certificate: certify(subject, keys, [{ name: 'subjectAltName', altNames: [{ type: DNS, value: 'localhost' }, { type: IP, ip: '127.0.0.1' }] }]), key: keys.privateKey };
    },
  };
}

function newKeys(): Keys {
  return generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs1', format: 'pem' } });
}
