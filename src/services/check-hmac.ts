import { placeholdersIn } from '../ground/placeholders.ts'
import type { Injection } from './service-parts.ts'

type Hmac = Extract<Injection, { kind: 'hmac' }>

const BODY = ['body', 'body_sha256', 'body_sha256_base64', 'body_sha512', 'body_sha512_base64']
/** What goes with the request so that the other side can check the signature. */
const TOLD = ['timestamp', 'nonce', 'key_id']
const SIGNABLE = ['method', 'path', 'query', 'target', 'host', 'header', ...TOLD, ...BODY]
const IN_HEADERS = [...SIGNABLE.filter((name) => name !== 'header' && name !== 'body'), 'signature']
const IN_QUERY = [...TOLD, 'signature']

/** What is wrong with a declared signature; undefined if nothing is. `isFraming`: headers that the gateway writes. */
export function wrongInHmac(injection: Hmac, isFraming: (name: string) => boolean): string | undefined {
  const { stringToSign, headers = {}, query = {} } = injection
  const signed = placeholdersIn([stringToSign])
  const inHeaders = placeholdersIn(Object.values(headers))
  const inQuery = placeholdersIn(Object.values(query))
  const strange = [
    ...signed.filter(({ name }) => !SIGNABLE.includes(name)),
    ...inHeaders.filter(({ name }) => !IN_HEADERS.includes(name)),
    ...inQuery.filter(({ name }) => !IN_QUERY.includes(name)),
    ...[...signed, ...inHeaders, ...inQuery].filter(({ name, argument }) => (name === 'header') !== (argument !== '')),
  ]
  if (strange[0] !== undefined) return `${strange[0].whole} stands for nothing there.`
  const own = Object.keys(headers).map((name) => name.toLowerCase())
  const foreign = signed.find(({ argument }) => argument !== '' && (isFraming(argument) || own.includes(argument)))
  if (foreign !== undefined) return `${foreign.whole} is not there yet when the request is signed.`
  const sent = [...inHeaders, ...inQuery].map(({ name }) => name)
  if (sent.filter((name) => name === 'signature').length !== 1)
    return 'One header or query key must hold {signature}, once.'
  return wrongInTold(injection, new Set(signed.map(({ name }) => name)), new Set(sent))
}

/** What is made here and signed must be sent too, or nobody could check it. */
function wrongInTold(
  { timestamp, nonce }: Hmac,
  signed: ReadonlySet<string>,
  sent: ReadonlySet<string>,
): string | undefined {
  for (const name of ['timestamp', 'nonce']) {
    if (signed.has(name) && !sent.has(name)) return `A header or query key must hold the {${name}} that is signed.`
  }
  if (timestamp !== undefined && !sent.has('timestamp')) return 'Nothing that is sent holds {timestamp}.'
  if (nonce !== undefined && !sent.has('nonce')) return 'Nothing that is sent holds {nonce}.'
  return undefined
}
