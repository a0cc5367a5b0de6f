// Whom a command trusts beside the local authority: whom it would without the gateway, for hosts that are passed through untouched.
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'

/** Where distributions keep all authorities in one file: Debian, Fedora, SUSE, Alpine. */
const SYSTEM = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/**
 * PEM: `certificate` first, then those of `SSL_CERT_FILE`, or else of the system, or else Node's, and those of `NODE_EXTRA_CA_CERTS`.
 * The variables are about to name this file alone, and most clients trust nobody else then.
 */
export function withUsualRoots(certificate: string, env: NodeJS.ProcessEnv): string {
  const usual = firstOf([env.SSL_CERT_FILE, ...SYSTEM]) ?? rootCertificates
  return [certificate.trim(), ...usual, ...certificatesIn(env.NODE_EXTRA_CA_CERTS), ''].join('\n')
}

function firstOf(files: readonly (string | undefined)[]): readonly string[] | undefined {
  return files.map(certificatesIn).find((found) => found.length > 0)
}

/** Certificates and nothing else: files that name them may hold keys. */
function certificatesIn(file: string | undefined): readonly string[] {
  if (!file) return []
  try {
    return readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  } catch {
    return []
  }
}
