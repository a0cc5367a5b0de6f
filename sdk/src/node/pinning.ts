// TLS to a gateway whose key is known beforehand: besides the usual checks of chain and host name, never instead of them,
// a certificate of the chain must have one of the pinned keys.
import { createHash, X509Certificate } from 'node:crypto'
import { type Agent, Agent as HttpsAgent, request } from 'node:https'
import { Readable } from 'node:stream'
import { checkServerIdentity, type DetailedPeerCertificate } from 'node:tls'
import { ClavigerError } from '../claviger-error.ts'

export interface PinningOptions {
  /**
   * SHA-256 of SubjectPublicKeyInfo: `sha256:<hex>` or `sha256/<base64>`. At least two: the key in use and one kept for
   * when it must be changed, so that nobody is locked out by that.
   */
  readonly pins: readonly string[]
  /** Certificates to trust instead of the public authorities, PEM. */
  readonly ca?: string | readonly string[]
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
}

const MAX_CHAIN = 8
const forms = [
  [/^sha256:([0-9a-f]{64})$/, 'hex'],
  [/^sha256\/([A-Za-z0-9+/]{43}=)$/, 'base64'],
] as const

/** A `fetch` for `AgentClient`, `ClawAuth` and `createVerifier`. Https only; follows no redirect. Throws `pins_invalid`. */
export function pinnedFetch(options: PinningOptions): (url: string, init?: RequestInit) => Promise<Response> {
  const agent = pinnedAgent(options)
  return (url, init = {}) => send(agent, new Request(url, { ...init, redirect: 'manual' }), init.redirect === 'error')
}

/** The same as an agent of `node:https`. */
export function pinnedAgent({ pins, ca, minVersion = 'TLSv1.3' }: PinningOptions): Agent {
  const known = readPins(pins)
  return new HttpsAgent({
    keepAlive: true,
    // Said here, so that NODE_TLS_REJECT_UNAUTHORIZED does not switch it off.
    rejectUnauthorized: true,
    minVersion,
    ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
    checkServerIdentity: (host, certificate) =>
      checkServerIdentity(host, certificate) ?? (hasPin(certificate, known) ? undefined : mismatch(host)),
  })
}

/** `sha256:<hex>` of a certificate's public key. Takes PEM or DER. */
export function pinOf(certificate: string | Uint8Array): string {
  return `sha256:${digestOf(new X509Certificate(certificate)).toString('hex')}`
}

function readPins(pins: readonly string[]): ReadonlySet<string> {
  const read = pins.map((pin) => {
    for (const [form, encoding] of forms) {
      const [, text] = form.exec(pin) ?? []
      if (text !== undefined) return Buffer.from(text, encoding).toString('hex')
    }
    throw new ClavigerError('pins_invalid', 'A pin cannot be read', { hint: 'sha256:<64 hex> or sha256/<base64>' })
  })
  const known = new Set(read)
  if (known.size >= 2) return known
  throw new ClavigerError('pins_invalid', 'At least two different pins are wanted', {
    hint: 'Keep a second key ready, and pin it too: otherwise a changed key locks everybody out',
  })
}

/**
 * Goes up from the server's own certificate as long as each one is signed by the next: what a server merely sends along
 * proves nothing.
 */
function hasPin(leaf: DetailedPeerCertificate | { readonly raw: Buffer }, known: ReadonlySet<string>): boolean {
  let at = leaf as DetailedPeerCertificate
  for (let depth = 0; depth < MAX_CHAIN; depth += 1) {
    const certificate = new X509Certificate(at.raw)
    if (known.has(digestOf(certificate).toString('hex'))) return true
    const above = at.issuerCertificate
    if (above === undefined || above === at) return false
    if (!certificate.verify(new X509Certificate(above.raw).publicKey)) return false
    at = above
  }
  return false
}

function digestOf({ publicKey }: X509Certificate): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
}

function mismatch(host: string): ClavigerError {
  return new ClavigerError('pin_mismatch', 'The server’s key is none of the pinned ones', { detail: host })
}

function send(agent: Agent, asked: Request, refuseRedirect: boolean): Promise<Response> {
  if (!asked.url.startsWith('https:')) {
    return Promise.reject(new ClavigerError('pins_invalid', 'Pinned keys need https', { detail: asked.url }))
  }
  return new Promise((resolve, reject) => {
    const { method, headers, signal, body } = asked
    const outgoing = request(asked.url, { agent, method, headers: Object.fromEntries(headers), signal }, (incoming) => {
      const status = incoming.statusCode as number
      if (refuseRedirect && status >= 300 && status < 400 && incoming.headers.location !== undefined) {
        incoming.destroy()
        reject(new TypeError('the server redirects'))
        return
      }
      const pairs = incoming.rawHeaders.flatMap((name, index, all) =>
        index % 2 === 0 ? [[name, all[index + 1] as string] as [string, string]] : [],
      )
      const bodiless = method === 'HEAD' || [204, 205, 304].includes(status)
      if (bodiless) incoming.resume()
      const stream = bodiless ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>)
      resolve(new Response(stream, { status, statusText: incoming.statusMessage ?? '', headers: pairs }))
    })
    outgoing.on('error', (error) => reject(error))
    if (body === null) outgoing.end()
    else
      Readable.fromWeb(body as never)
        .on('error', (error) => outgoing.destroy(error))
        .pipe(outgoing)
  })
}
