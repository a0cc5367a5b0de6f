// Certificate, key and stapled response as one, checked before anybody is shown them.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { problemsOf } from '../ground/problem.ts'
import { bareSerial, type OcspAnswer, readOcspResponse } from './ocsp-response.ts'

export const tlsProblems = {
  tls_files_invalid: {
    status: 500,
    title: 'The TLS certificate and key cannot be used',
    hint: 'CLAVIGER_TLS_CERT is PEM with the own certificate first, CLAVIGER_TLS_KEY its private key in PEM without a passphrase.',
  },
  tls_key_unsafe: {
    status: 500,
    title: 'The TLS key may have been read by others',
    hint: 'Make it yours alone: chown it to the user who runs the gateway, chmod 0600. If others had it, get a new certificate.',
  },
} as const

export const tlsProblem = problemsOf(tlsProblems)

/** What `createSecureContext` takes: TLS 1.3 and nothing else. It has no renegotiation, and no 0-RTT unless asked for. */
export interface TlsContext {
  readonly cert: Buffer
  readonly key: Buffer
  readonly minVersion: 'TLSv1.3'
  readonly maxVersion: 'TLSv1.3'
}

export interface TlsMaterial {
  readonly context: TlsContext
  readonly certificate: X509Certificate
  readonly staple: Staple | undefined
}

/** An OCSP response for the certificate. */
export interface Staple {
  readonly der: Buffer
  readonly answer: OcspAnswer
}

/** Throws Problem `tls_files_invalid` for a certificate and key that do not make a pair. Never repeats what they hold. */
export function tlsMaterial(cert: Buffer, key: Buffer): TlsMaterial {
  const certificate = readOr('the certificate cannot be read', () => new X509Certificate(cert))
  const privateKey = readOr('the key cannot be read, or wants a passphrase', () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(privateKey)) throw invalid('the key is not that of the certificate')
  const context = { cert, key, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const
  readOr('the chain or the kind of key is not usable', () => createSecureContext(context))
  return { context, certificate, staple: undefined }
}

/** The same with a response to staple. Throws Problem `tls_files_invalid` unless it says that this certificate is good. */
export function withStaple(material: TlsMaterial, der: Buffer): TlsMaterial {
  const { serialNumber } = material.certificate
  const answer = readOcspResponse(der)?.find(({ serial }) => serial === bareSerial(serialNumber))
  if (answer === undefined) throw invalid('the OCSP response is not a successful one for this certificate')
  if (answer.status !== 'good') throw invalid(`the OCSP response says that the certificate is ${answer.status}`)
  return { ...material, staple: { der, answer } }
}

/** What may be stapled at `now`: an answer that is over makes clients refuse, and none does not. */
export function stapleAt({ staple }: TlsMaterial, now: number): Buffer | undefined {
  if (staple === undefined) return undefined
  const { until } = staple.answer
  return until === undefined || now < until ? staple.der : undefined
}

/** Which of `hosts` the certificate is not valid for. Its common name does not count: clients stopped looking there. */
export function namesMissing({ certificate }: TlsMaterial, hosts: readonly string[]): string[] {
  return hosts.filter((host) => {
    const address = host.replace(/^\[(.*)\]$/, '$1')
    const found = isIP(address) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(address)
    return found === undefined
  })
}

function readOr<T>(otherwise: string, read: () => T): T {
  try {
    return read()
  } catch {
    throw invalid(otherwise)
  }
}

function invalid(why: string) {
  return tlsProblem('tls_files_invalid', { detail: `Refused: ${why}.` })
}
