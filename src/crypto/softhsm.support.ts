import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '../ground/secret.ts'
import type { Pkcs11Options } from './pkcs11-signer.ts'

const modules = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so']
const PIN = '48151623'

/** Why a test with a token cannot run here, or false. */
export function noSoftHsm(): string | false {
  if (!modules.some((path) => existsSync(path))) return 'softhsm2 is not installed'
  try {
    createRequire(import.meta.url)('pkcs11js')
    return false
  } catch {
    return 'pkcs11js is not built (node scripts/build-pkcs11.ts)'
  }
}

/** For tests: a token of SoftHSM2 in a folder of its own. One folder in a process: the module reads its settings once. */
export class SoftHsm {
  readonly directory = mkdtempSync(join(tmpdir(), 'claviger-softhsm-'))
  readonly module = modules.find((path) => existsSync(path)) as string
  readonly conf = join(this.directory, 'softhsm2.conf')
  readonly pinFile = join(this.directory, 'pin')
  pin = PIN

  constructor() {
    const tokens = join(this.directory, 'tokens')
    mkdirSync(tokens)
    writeFileSync(this.conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
    writeFileSync(this.pinFile, `${PIN}\n`)
    chmodSync(this.pinFile, 0o400)
    process.env.SOFTHSM2_CONF = this.conf
  }

  /** Makes a token of this label. */
  token(label: string): this {
    const args = ['--init-token', '--free', '--label', label, '--pin', PIN, '--so-pin', '87654321']
    execFileSync('softhsm2-util', args, { stdio: 'ignore', env: { ...process.env, SOFTHSM2_CONF: this.conf } })
    return this
  }

  options(token: string, changes: Partial<Pkcs11Options> = {}): Pkcs11Options {
    return { module: this.module, token, key: 'signing', pin: async () => Secret.fromText(this.pin), ...changes }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}
