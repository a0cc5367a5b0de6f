import { awsEndpoint } from '../ground/aws-endpoint.ts'
import { isPathSegment } from '../ground/credential-shape.ts'
import { isForwardedHeader, isHopByHop, isMethodOverride } from '../ground/header-names.ts'
import type { Origin } from '../ground/origin.ts'
import { namesIn } from '../ground/placeholders.ts'
import { type ServiceDefinition, serviceProblem } from './contract.ts'
import type { Injection } from './service-parts.ts'

/** Headers by which the gateway frames the request. */
const FRAMING = new Set(['host', 'content-length', 'expect', 'accept-encoding'])

/** What a request can be signed over, and what only the headers can hold. */
const SIGNABLE = [
  'method',
  'path',
  'query',
  'target',
  'host',
  'timestamp',
  'body_sha256',
  'body_sha256_base64',
  'key_id',
]
const SENDABLE = [...SIGNABLE, 'signature']

/** The injection of a definition; undefined for a service without a credential. Throws Problem `service_invalid`. */
export function checkInjection({ injection }: ServiceDefinition, origins: readonly Origin[]): Injection | undefined {
  if (injection === undefined || injection.kind === 'none') return undefined
  switch (injection.kind) {
    case 'header':
    case 'template':
      return headerInjection(injection)
    case 'path':
      if (!holdsSecret(injection.segment) || !isPathSegment(injection.segment.replace('{secret}', 'x'))) {
        throw invalid('The segment must hold {secret} exactly once, and else what a path may hold.')
      }
      break
    case 'sigv4':
      checkSigV4(injection, origins)
      break
    case 'hmac':
      checkHmac(injection)
  }
  return Object.freeze(injection)
}

function headerInjection(injection: Extract<Injection, { kind: 'header' | 'template' }>): Injection {
  checkHeader(injection.name)
  if (injection.kind === 'template' && !holdsSecret(injection.template)) {
    throw invalid('The template must hold {secret} exactly once.')
  }
  return Object.freeze({ ...injection, name: injection.name.toLowerCase() })
}

function checkHeader(header: string): void {
  const name = header.toLowerCase()
  if (FRAMING.has(name) || isHopByHop(name) || isForwardedHeader(name) || isMethodOverride(name)) {
    throw invalid(`The header '${name}' is written by the gateway and cannot carry a credential.`)
  }
}

/** A host that says neither region nor service is found now; under a wildcard, when it is called. */
function checkSigV4(injection: Extract<Injection, { kind: 'sigv4' }>, origins: readonly Origin[]): void {
  const { region, service, unsignedPayload } = injection
  for (const { host, href, scheme, wildcard } of origins) {
    const said = (region !== undefined && service !== undefined) || awsEndpoint(host) !== undefined
    if (!wildcard && !said) throw invalid(`${href} does not say region and service; the injection must.`)
    if (unsignedPayload === true && scheme !== 'https') throw invalid('A body that is not signed wants https.')
  }
}

function checkHmac({ stringToSign, headers, timestamp }: Extract<Injection, { kind: 'hmac' }>): void {
  const forms = Object.values(headers)
  Object.keys(headers).forEach(checkHeader)
  const signed = namesIn([stringToSign])
  const sent = namesIn(forms)
  const strange =
    [...signed].find((name) => !SIGNABLE.includes(name)) ?? [...sent].find((name) => !SENDABLE.includes(name))
  if (strange !== undefined) throw invalid(`{${strange}} stands for nothing there.`)
  if (forms.join('').split('{signature}').length !== 2) throw invalid('One header must hold {signature}, once.')
  if (signed.has('timestamp') && !sent.has('timestamp'))
    throw invalid('A header must hold the {timestamp} that is signed.')
  if (timestamp !== undefined && !sent.has('timestamp')) throw invalid('No header holds {timestamp}.')
}

function holdsSecret(text: string): boolean {
  return text.split('{secret}').length === 2
}

function invalid(detail: string) {
  return serviceProblem('service_invalid', { detail, facts: { member: 'injection' } })
}
