import { isForwardedHeader, isHopByHop, isMethodOverride } from '../ground/header-names.ts'
import { type ServiceDefinition, serviceProblem } from './contract.ts'
import type { Injection } from './service-parts.ts'

/** Headers by which the gateway frames the request. */
const FRAMING = new Set(['host', 'content-length', 'expect', 'accept-encoding'])

/** The injection of a definition; undefined for a service without a credential. Throws Problem `service_invalid`. */
export function checkInjection({ injection }: ServiceDefinition): Injection | undefined {
  if (injection === undefined || injection.kind === 'none') return undefined
  if (injection.kind !== 'header' && injection.kind !== 'template') return Object.freeze(injection)
  const name = injection.name.toLowerCase()
  if (FRAMING.has(name) || isHopByHop(name) || isForwardedHeader(name) || isMethodOverride(name)) {
    throw invalid(`The header '${name}' is written by the gateway and cannot carry a credential.`)
  }
  if (injection.kind === 'template' && injection.template.split('{secret}').length !== 2) {
    throw invalid('The template must hold {secret} exactly once.')
  }
  return Object.freeze({ ...injection, name })
}

function invalid(detail: string) {
  return serviceProblem('service_invalid', { detail, facts: { member: 'injection' } })
}
