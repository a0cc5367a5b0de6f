// Certificates as an operator has them: made by the openssl program, in files, with an authority and OCSP responses.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Issued {
  readonly cert: string
  readonly key: string
  readonly serial: string
}

export interface LeafOptions {
  /** How long it is valid; 0 for one that is over. */
  readonly days?: number
  /** As `subjectAltName` takes it. */
  readonly names?: string
  readonly kind?: 'ec' | 'rsa'
  /** In hex. */
  readonly serial?: string
}

/** An authority of its own folder. Files are PEM, keys mode 0600. */
export class Authority implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'claviger-ca-'))
  readonly cert = join(this.folder, 'ca.pem')
  readonly #key = join(this.folder, 'ca.key')
  #count = 0

  constructor() {
    this.#makeKey(this.#key, 'ec')
    openssl(
      ['req', '-new', '-x509', '-key', this.#key, '-days', '30', '-subj', '/CN=Test authority', '-out', this.cert],
      ['-addext', 'basicConstraints=critical,CA:true'],
      ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    )
  }

  get pem(): string {
    return readFileSync(this.cert, 'utf8')
  }

  /** A certificate for 127.0.0.1 and gate.test unless told otherwise. */
  issue({
    days = 10,
    names = 'DNS:gate.test,DNS:localhost,IP:127.0.0.1',
    kind = 'ec',
    ...more
  }: LeafOptions = {}): Issued {
    const base = join(this.folder, `leaf-${this.#count++}`)
    const [key, cert, request, extensions] = [`${base}.key`, `${base}.pem`, `${base}.csr`, `${base}.ext`]
    this.#makeKey(key, kind)
    writeFileSync(extensions, `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`)
    openssl(['req', '-new', '-key', key, '-subj', '/CN=gate.test', '-out', request])
    if (days > 0) {
      const signer = ['-CA', this.cert, '-CAkey', this.#key, '-extfile', extensions]
      const number = more.serial === undefined ? ['-CAcreateserial'] : ['-set_serial', `0x${more.serial}`]
      openssl(['x509', '-req', '-in', request, ...signer, ...number, '-days', String(days), '-out', cert])
    } else this.#issueOver(request, cert, extensions)
    const serial = openssl(['x509', '-in', cert, '-noout', '-serial']).trim().replace('serial=', '')
    return { cert, key, serial }
  }

  /** An OCSP response in DER, valid for one day. */
  ocsp({ cert, serial }: Issued, status: 'good' | 'revoked' = 'good'): string {
    const base = join(this.folder, `ocsp-${this.#count++}`)
    const gone = status === 'revoked' ? '201231235959Z' : ''
    const line = [status === 'good' ? 'V' : 'R', '301231235959Z', gone, serial, 'unknown', '/CN=gate.test']
    writeFileSync(`${base}.index`, `${line.join('\t')}\n`)
    openssl(['ocsp', '-issuer', this.cert, '-cert', cert, '-reqout', `${base}.req`, '-no_nonce'])
    openssl(
      ['ocsp', '-index', `${base}.index`, '-rsigner', this.cert, '-rkey', this.#key, '-CA', this.cert],
      ['-reqin', `${base}.req`, '-respout', `${base}.der`, '-ndays', '1'],
    )
    return `${base}.der`
  }

  #makeKey(path: string, kind: 'ec' | 'rsa'): void {
    const how =
      kind === 'ec' ? ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']
    openssl(['genpkey', '-algorithm', ...how, '-out', path])
    chmodSync(path, 0o600)
  }

  /** `openssl x509` of Debian cannot date back; `openssl ca` can. */
  #issueOver(request: string, cert: string, extensions: string): void {
    const config = join(this.folder, 'ca.conf')
    writeFileSync(join(this.folder, 'database'), '')
    writeFileSync(
      config,
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${this.folder}/database\nnew_certs_dir=${this.folder}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n`,
    )
    openssl(
      ['ca', '-batch', '-config', config, '-in', request, '-out', cert, '-notext', '-cert', this.cert],
      ['-keyfile', this.#key, '-extfile', extensions, '-startdate', '20200101000000Z', '-enddate', '20200201000000Z'],
    )
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Runs the program; what it writes to stdout. */
export function openssl(...parts: readonly (readonly string[])[]): string {
  return execFileSync('openssl', parts.flat(), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

/** Why tests that need the program cannot run; undefined where they can. */
export function noOpenssl(): string | undefined {
  try {
    openssl(['version'])
    return undefined
  } catch {
    return 'openssl is not there'
  }
}
