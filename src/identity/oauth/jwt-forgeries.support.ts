// Every way we know of to make a verifier take a JWT that the key's holder did not make like that (F-04).
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { fromKey } from '../../crypto/p256.ts'

type Members = Readonly<Record<string, unknown>>

/** A good JWT, taken apart, with the key that signed it and one of somebody else. */
export interface Genuine {
  readonly header: Members
  readonly claims: Members
  readonly key: KeyObject
  readonly public: KeyObject
  readonly strangers: KeyObject
  /** `kid` of the stranger's key where that key is known, for another subject. */
  readonly strangersKid: string
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

export function compact(header: unknown, claims: unknown, key: KeyObject): string {
  return signed(`${encode(header)}.${encode(claims)}`, key)
}

export function signed(input: string, key: KeyObject): string {
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

type Forgery = (genuine: Genuine) => string
const signedAs =
  (header: Members): Forgery =>
  (good) =>
    compact({ ...good.header, ...header }, good.claims, good.key)
const stolen =
  (header: Members): Forgery =>
  (good) =>
    compact({ ...good.header, ...header }, good.claims, good.strangers)
const changed =
  (change: (text: string) => string): Forgery =>
  (good) =>
    change(compact(good.header, good.claims, good.key))
const parts = (text: string) => text.split('.') as [string, string, string]

function keyedWith(secret: (good: Genuine) => Buffer | string, alg = 'HS256'): Forgery {
  return (good) => {
    const input = `${encode({ ...good.header, alg })}.${encode(good.claims)}`
    return `${input}.${createHmac('sha256', secret(good)).update(input).digest('base64url')}`
  }
}

function withSignature(signature: (raw: Buffer) => Buffer): Forgery {
  return changed((text) => {
    const [head, body, tail] = parts(text)
    return `${head}.${body}.${signature(Buffer.from(tail, 'base64url')).toString('base64url')}`
  })
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const after = (character: string) => ALPHABET[ALPHABET.indexOf(character) + 1] as string
const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
const pem = (good: Genuine) => good.public.export({ type: 'spki', format: 'pem' }) as string
const embedded = fromKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey).jwk
const unsigned =
  (alg: string): Forgery =>
  (good) =>
    `${encode({ ...good.header, alg })}.${encode(good.claims)}.`
const repeated = (name: string, value: string, text: string) => `{"${name}":${value},${text.slice(1)}`

export const forgeries: Readonly<Record<string, Forgery>> = {
  'alg none, no signature': unsigned('none'),
  'alg None, no signature': unsigned('None'),
  'alg nOnE, the signature of another': stolen({ alg: 'nOnE' }),
  'no signature': changed((text) => `${parts(text).slice(0, 2).join('.')}.`),
  'two parts': changed((text) => parts(text).slice(0, 2).join('.')),
  'HS256 keyed with the PEM': keyedWith(pem),
  'HS256 keyed with the PEM, trimmed': keyedWith((good) => pem(good).trim()),
  'HS256 keyed with the DER': keyedWith((good) => good.public.export({ type: 'spki', format: 'der' })),
  'HS256 keyed with the JWK': keyedWith((good) => JSON.stringify(good.public.export({ format: 'jwk' }))),
  'HS256 keyed with nothing': keyedWith(() => ''),
  'ES256 keyed with the PEM': keyedWith(pem, 'ES256'),
  'alg ES256K': signedAs({ alg: 'ES256K' }),
  'alg ES384': signedAs({ alg: 'ES384' }),
  'alg RS256': signedAs({ alg: 'RS256' }),
  'alg EdDSA': signedAs({ alg: 'EdDSA' }),
  'alg in lower case': signedAs({ alg: 'es256' }),
  'alg as a list': signedAs({ alg: ['ES256'] }),
  'no alg': signedAs({ alg: undefined }),
  'another key': stolen({}),
  'another key, named as it is known elsewhere': (good) => stolen({ kid: good.strangersKid })(good),
  'another key in the header': (good) => stolen({ jwk: fromKey(good.strangers).jwk })(good),
  'a key in the header': signedAs({ jwk: embedded }),
  'a key by address': stolen({ jku: 'https://evil.example/keys' }),
  'a certificate by address': stolen({ x5u: 'https://evil.example/cert' }),
  'a certificate': stolen({ x5c: ['MIIB'] }),
  'a key by its certificate': signedAs({ x5t: 'AAAA' }),
  'kid that is a path': stolen({ kid: '../../../../dev/null' }),
  'kid that is SQL': stolen({ kid: "x' union select 'AAAA" }),
  'kid that is a number': signedAs({ kid: 0 }),
  'kid that is empty': signedAs({ kid: '' }),
  'kid of a member of objects': stolen({ kid: '__proto__' }),
  'crit and b64': signedAs({ crit: ['b64'], b64: false }),
  'b64 alone': signedAs({ b64: true }),
  'crit of something': signedAs({ crit: ['exp'], exp: 1 }),
  zip: signedAs({ zip: 'DEF' }),
  cty: signedAs({ cty: 'JWT' }),
  'typ of a proof': signedAs({ typ: 'dpop+jwt' }),
  'typ of a registration': signedAs({ typ: 'clv-register+jwt' }),
  'typ of a sign-in': signedAs({ typ: 'clv-auth+jwt' }),
  padding: changed((text) => `${text}==`),
  'padding in the middle': changed((text) => text.replace('.', '=.')),
  'a line feed at the end': changed((text) => `${text}\n`),
  'a space in front': changed((text) => ` ${text}`),
  'four parts': changed((text) => `${text}.e30`),
  'a dot too many': changed((text) => text.replace('.', '..')),
  'JSON form': changed((text) => {
    const [head, payload, signature] = parts(text)
    return JSON.stringify({ payload, signatures: [{ protected: head, signature }] })
  }),
  'flattened JSON form': changed((text) => {
    const [head, payload, signature] = parts(text)
    return JSON.stringify({ payload, protected: head, signature })
  }),
  // 86 characters hold 516 bits: 15 other last characters stand for the same 64 bytes to a lax reader.
  'other bits after the last': changed((text) => text.slice(0, -1) + after(text.at(-1) as string)),
  'a signature in DER': (good) => {
    const input = `${encode(good.header)}.${encode(good.claims)}`
    return `${input}.${sign('sha256', Buffer.from(input), good.key).toString('base64url')}`
  },
  'r and s zero': withSignature(() => Buffer.alloc(64)),
  'r and s of the order': withSignature(() => Buffer.concat([ORDER, ORDER])),
  'a signature that is cut': withSignature((raw) => raw.subarray(0, 63)),
  'a signature that goes on': withSignature((raw) => Buffer.concat([raw, Buffer.alloc(1)])),
  'another claim under the same signature': changed((text) => {
    const [head, body, tail] = parts(text)
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
    return `${head}.${encode({ ...claims, scope: '*:*' })}.${tail}`
  }),
  'a header member twice': (good) =>
    signed(
      `${Buffer.from(repeated('alg', '"none"', JSON.stringify(good.header))).toString('base64url')}.${encode(good.claims)}`,
      good.key,
    ),
  'a claim twice': (good) =>
    signed(
      `${encode(good.header)}.${Buffer.from(repeated('sub', '"x"', JSON.stringify(good.claims))).toString('base64url')}`,
      good.key,
    ),
  'a byte order mark': (good) =>
    signed(
      `${encode(good.header)}.${Buffer.from(`\ufeff${JSON.stringify(good.claims)}`).toString('base64url')}`,
      good.key,
    ),
  'claims that are a list': (good) => compact(good.header, [good.claims], good.key),
  'no claims': (good) => signed(`${encode(good.header)}.`, good.key),
  'the end of another': (good) =>
    `${compact(good.header, good.claims, good.key).slice(0, -86)}${compact({ alg: 'ES256' }, {}, good.key).slice(-86)}`,
}
