import { X509Certificate } from 'node:crypto'
import { serviceProblem } from './contract.ts'

export interface Authorities {
  /** PEM, one certificate each. */
  readonly pems: readonly string[]
  /** SHA-256 of each, as OpenSSL shows it. */
  readonly fingerprints: readonly string[]
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/** The certificates in the text. Throws Problem `service_invalid` where there is none, one that cannot be read, or more. */
export function readAuthorities(text: string | undefined): Authorities | undefined {
  if (text === undefined) return undefined
  const pems = text.match(CERTIFICATE) ?? []
  if (pems.length === 0 || text.replace(CERTIFICATE, '').trim() !== '')
    throw invalid('is no PEM with certificates alone')
  return { pems, fingerprints: pems.map(fingerprintOf) }
}

function fingerprintOf(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint256
  } catch {
    throw invalid('holds a certificate that cannot be read')
  }
}

const invalid = (what: string) =>
  serviceProblem('service_invalid', { detail: `\`trust\` ${what}.`, facts: { member: 'trust' } })
