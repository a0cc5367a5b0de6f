/**
 * AWS Signature Version 4, by header. Source: AWS, "Create a signed AWS API request". Pure; tried with AWS's own vectors.
 */
import { createHash, createHmac } from 'node:crypto'
import type { Target } from '../ground/target.ts'
import { strictlyEncoded } from './secret-text.ts'

export const UNSIGNED = 'UNSIGNED-PAYLOAD'
/** In chunks that nobody signed, with a checksum behind them. */
export const UNSIGNED_CHUNKS = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'
const ALGORITHM = 'AWS4-HMAC-SHA256'

export interface AwsRequest {
  readonly method: string
  readonly target: Target
  /** Names in lower case, values as they are sent; those of one name in the order in which they are sent. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** SHA-256 of the body in hex, or one of the words for none. */
  readonly payload: string
}

/** Where and when a signature is good. `time` is `20150830T123600Z`. */
export interface AwsScope {
  readonly region: string
  readonly service: string
  readonly time: string
}

/** Services that read the path as it was meant; all others encode once more what was sent. */
const PATH_AS_MEANT: ReadonlySet<string> = new Set(['s3', 's3express', 's3-object-lambda', 's3-outposts'])

/** `2015-08-30T12:36:00.000Z` without its signs. */
export function awsTime(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '')
}

/** The key of one day, region and service. */
export function awsKey(secret: string, { region, service, time }: AwsScope): Buffer {
  const steps = [time.slice(0, 8), region, service, 'aws4_request']
  return steps.reduce<Buffer>((key, step) => hmac(key, step), Buffer.from(`AWS4${secret}`, 'latin1'))
}

/** Value of `Authorization`, and the signature in it. */
export function signAws(request: AwsRequest, scope: AwsScope, keyId: string, key: Buffer) {
  const { text, signed } = canonical(request, scope.service)
  const where = `${scope.time.slice(0, 8)}/${scope.region}/${scope.service}/aws4_request`
  const toSign = [ALGORITHM, scope.time, where, createHash('sha256').update(text, 'latin1').digest('hex')].join('\n')
  const signature = hmac(key, toSign).toString('hex')
  const authorization = `${ALGORITHM} Credential=${keyId}/${where}, SignedHeaders=${signed}, Signature=${signature}`
  return { authorization, signature }
}

function canonical({ method, target, headers, payload }: AwsRequest, service: string) {
  const names = [...new Set(headers.map(([name]) => name))].sort()
  const lines = names.map((name) => {
    const values = headers.filter(([other]) => other === name).map(([, value]) => value.trim().replace(/ +/g, ' '))
    return `${name}:${values.join(',')}\n`
  })
  const signed = names.join(';')
  const path = canonicalPath(target, PATH_AS_MEANT.has(service))
  return { signed, text: [method, path, canonicalQuery(target), lines.join(''), signed, payload].join('\n') }
}

function canonicalPath({ path, segments }: Target, asMeant: boolean): string {
  if (!asMeant) return path.split('/').map(strictlyEncoded).join('/')
  const meant = segments.map((segment) => decodeURIComponent(segment).split('/').map(strictlyEncoded).join('/'))
  return `/${meant.join('/')}`
}

function canonicalQuery({ pairs }: Target): string {
  const meant = (raw: string) => strictlyEncoded(decodeURIComponent(raw))
  return pairs
    .map(({ rawName, rawValue }) => [meant(rawName), meant(rawValue)] as const)
    .sort(([a, av], [b, bv]) => (a === b ? compare(av, bv) : compare(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** By code unit: both are ASCII. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'latin1').digest()
}
