// The few types of the platform that Node's and the browsers' declarations name differently.

/** Bytes that Web Crypto takes: not over a SharedArrayBuffer. */
export type Bytes = Uint8Array<ArrayBuffer>

/** A `CryptoKey`. */
export type WebKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

/** A `CryptoKeyPair`. */
export interface WebKeyPair {
  readonly publicKey: WebKey
  readonly privateKey: WebKey
}

/** What this package needs of `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Milliseconds since 1970. */
export type Now = () => number

/** A `BodyInit`. */
export type FetchBody = NonNullable<RequestInit['body']>

/** A `HeadersInit`. */
export type FetchHeaders = ConstructorParameters<typeof Headers>[0]
