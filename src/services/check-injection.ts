import { awsEndpoint } from '../ground/aws-endpoint.ts'
import { isPathSegment } from '../ground/credential-shape.ts'
import { isForwardedHeader, isHopByHop, isMethodOverride } from '../ground/header-names.ts'
import type { Origin } from '../ground/origin.ts'
import { wrongInHmac } from './check-hmac.ts'
import { type ServiceDefinition, serviceProblem } from './contract.ts'
import type { Injection } from './service-parts.ts'

/** Headers by which the gateway frames the request. */
const FRAMING = new Set(['host', 'content-length', 'expect', 'accept-encoding'])

/** The injection of a definition; undefined for a service without a credential. Throws Problem `service_invalid`. */
export function checkInjection(
  { injection, bodyFields }: ServiceDefinition,
  origins: readonly Origin[],
): Injection | undefined {
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
    case 'body':
      if (bodyFields === undefined) throw invalid('It says nowhere in which fields of bodies: `bodyFields`.')
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
  if (isWrittenHere(name)) {
    throw invalid(`The header '${name}' is written by the gateway and cannot carry a credential.`)
  }
}

function isWrittenHere(name: string): boolean {
  return FRAMING.has(name) || isHopByHop(name) || isForwardedHeader(name) || isMethodOverride(name)
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

function checkHmac(injection: Extract<Injection, { kind: 'hmac' }>): void {
  Object.keys(injection.headers ?? {}).forEach(checkHeader)
  const wrong = wrongInHmac(injection, isWrittenHere)
  if (wrong !== undefined) throw invalid(wrong)
}

function holdsSecret(text: string): boolean {
  return text.split('{secret}').length === 2
}

function invalid(detail: string) {
  return serviceProblem('service_invalid', { detail, facts: { member: 'injection' } })
}
