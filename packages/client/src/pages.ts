// Lists come in pages; a loop over all of them is this.

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface PageResponse {
  readonly nextPageToken: string;
}

/** The one list in a page's message, by its type. */
type ElementOf<Response> = { [Name in keyof Response]: Response[Name] extends readonly (infer Element)[] ? Element : never }[keyof Response];

/**
 * Every element of a list, in its order, a page at a time: `for await (const meter of listAll(client.meters.listMeters, {}))`.
 * What is added behind the place that was read is found too.
 */
export async function* listAll<Request extends PageRequest, Response extends PageResponse>(
  list: (request: Request) => Promise<Response>,
  request: Omit<Request, keyof PageRequest> & Partial<PageRequest>,
): AsyncGenerator<ElementOf<Response>, void, undefined> {
  let pageToken = request.pageToken ?? '';
  do {
    const page = await list({ ...request, pageSize: request.pageSize ?? 0, pageToken } as unknown as Request);
    const elements = Object.values(page).find((value): value is readonly ElementOf<Response>[] => Array.isArray(value)) ?? [];
    yield* elements;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}
