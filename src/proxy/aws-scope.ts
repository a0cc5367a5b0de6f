// Region and service that a call is signed for: what the definition says, or else the host; and what a client's own signature says.
import { type AwsEndpoint, awsEndpoint } from '../ground/aws-endpoint.ts'
import type { Origin } from '../ground/origin.ts'
import type { SigV4Injection } from './inject-sigv4.ts'
import { proxyProblem } from './problems.ts'

/** Throws Problem `signing_unknown`. */
export function awsScopeAt({ region, service }: SigV4Injection, { host, href }: Origin): AwsEndpoint {
  if (region !== undefined && service !== undefined) return { region, service }
  const said = awsEndpoint(host)
  if (said === undefined) throw proxyProblem('signing_unknown', { facts: { origin: href } })
  return { region: region ?? said.region, service: service ?? said.service }
}

/** Whether the value of `Authorization` is a signature of AWS, of whatever version. */
export function isAwsSignature(value: string): boolean {
  return value.startsWith('AWS4-')
}

const SCOPE =
  /^AWS4-HMAC-SHA256[ \t]+Credential=[^/,\s]+\/\d{8}\/([^/,\s]{1,64})\/([^/,\s]{1,64})\/aws4_request(?:[,\s]|$)/

/**
 * A client that means another region or service than is signed for would be told by AWS that its signature is wrong, and look for
 * the fault in its keys. Throws Problems `signed_for_another`, `signing_unknown`.
 */
export function checkAwsScope(authorization: string, injection: SigV4Injection, origin: Origin): void {
  const wanted = awsScopeAt(injection, origin)
  const [, region, service] = SCOPE.exec(authorization) ?? []
  if (region === wanted.region && service === wanted.service) return
  const signed = region === undefined ? 'no scope of AWS4-HMAC-SHA256' : `${region}/${service}`
  throw proxyProblem('signed_for_another', { facts: { signed, expected: `${wanted.region}/${wanted.service}` } })
}
