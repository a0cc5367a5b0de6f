// An issuer made with node:crypto alone, for tests: signs tokens as a gateway does, and whatever a forger would.
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'

export const base64url = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
export const sha256url = (text: string) => createHash('sha256').update(text).digest('base64url')

export interface TestKey {
  readonly privateKey: KeyObject
  readonly jwk: { kty: 'EC'; crv: 'P-256'; x: string; y: string }
  readonly kid: string
}

export function newKey(): TestKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, ...named(createPublicKey(privateKey)) }
}

export function named(key: KeyObject): Pick<TestKey, 'jwk' | 'kid'> {
  const { x, y } = key.export({ format: 'jwk' }) as { x: string; y: string }
  const jwk = { kty: 'EC', crv: 'P-256', x, y } as const
  return { jwk, kid: sha256url(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`) }
}

export function signed({ privateKey }: TestKey, header: object, payload: object): string {
  const input = `${base64url(header)}.${base64url(payload)}`
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

/** Header and payload of a JWS by the key that `find` gives for its header; undefined if the signature is not that key's. */
export function opened(
  text: string,
  find: (header: Record<string, unknown>) => KeyObject | undefined,
): { header: Record<string, unknown>; payload: Record<string, unknown> } | undefined {
  const [head = '', body = '', tail = ''] = text.split('.')
  const [header, payload] = [head, body].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  const key = find(header)
  const options = key && ({ key, dsaEncoding: 'ieee-p1363' } as const)
  const holds = options && verify('sha256', Buffer.from(`${head}.${body}`), options, Buffer.from(tail, 'base64url'))
  return holds ? { header, payload } : undefined
}
