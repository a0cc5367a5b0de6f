// PKCS#11 tokens for tests: SoftHSM2, and a TPM 2.0 emulated by swtpm, both prepared through their own drivers.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Handle, PKCS11 } from 'pkcs11js'

export const PIN = '48151623'
const SO_PIN = '87654321'
export const TOKEN = 'agents'

type Driver = typeof import('pkcs11js')

export interface TestToken {
  readonly library: string
  /** For tests that do to the token what a signer must survive. */
  readonly module: PKCS11
  readonly slot: () => Handle
  readonly constants: Driver
  /** Makes a pair of this label and id. */
  addKey(key: { label: string; id: string; extractable?: boolean; curve?: string }): void
  close(): void
}

function driver(): Driver | undefined {
  try {
    return createRequire(import.meta.url)('pkcs11js')
  } catch {
    return undefined
  }
}

const softHsm = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so'].find((path) => existsSync(path))
const libraries = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib64/pkcs11']
const found = (name: string) => libraries.map((folder) => join(folder, name)).find((path) => existsSync(path))
const tpm2 = found('libtpm2_pkcs11.so.1') ?? found('libtpm2_pkcs11.so')

/** Why tests with SoftHSM2 cannot run here, or false. */
export function noSoftHsm(): string | false {
  if (softHsm === undefined) return 'softhsm2 is not installed'
  return driver() === undefined ? 'pkcs11js is not built (node scripts/build-pkcs11.ts)' : false
}

/** Why tests with a TPM cannot run here, or false. */
export function noTpm(): string | false {
  if (tpm2 === undefined) return 'tpm2-pkcs11 is not installed (libtpm2-pkcs11-1)'
  if (found('libtss2-tcti-swtpm.so.0') === undefined) return 'libtss2-tcti-swtpm0 is not installed'
  try {
    execFileSync('swtpm', ['--version'], { stdio: 'ignore' })
  } catch {
    return 'swtpm is not installed'
  }
  return driver() === undefined ? 'pkcs11js is not built (node scripts/build-pkcs11.ts)' : false
}

export function softHsmToken(): TestToken {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-softhsm-'))
  const conf = join(folder, 'softhsm2.conf')
  mkdirSync(join(folder, 'tokens'))
  writeFileSync(conf, `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`)
  process.env.SOFTHSM2_CONF = conf
  return prepare(softHsm as string, () => rmSync(folder, { recursive: true, force: true }))
}

export async function tpmToken(): Promise<TestToken> {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-tpm-'))
  const socket = join(folder, 'sock')
  for (const name of ['state', 'store']) mkdirSync(join(folder, name))
  const swtpm: ChildProcess = spawn(
    'swtpm',
    [
      ...['socket', '--tpm2', '--tpmstate', `dir=${join(folder, 'state')}`, '--flags', 'not-need-init,startup-clear'],
      ...['--server', `type=unixio,path=${socket}`, '--ctrl', `type=unixio,path=${socket}.ctrl`],
    ],
    { stdio: 'ignore' },
  )
  swtpm.unref()
  while (!existsSync(socket) || !existsSync(`${socket}.ctrl`)) {
    if (swtpm.exitCode !== null) throw new Error(`swtpm ended with ${swtpm.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const quiet = { TSS2_LOG: 'all+NONE', TPM2_PKCS11_LOG_LEVEL: '0' }
  const where = { TPM2_PKCS11_TCTI: `swtpm:path=${socket}`, TPM2_PKCS11_STORE: join(folder, 'store') }
  Object.assign(process.env, quiet, where)
  return prepare(tpm2 as string, () => {
    swtpm.kill()
    rmSync(folder, { recursive: true, force: true })
  })
}

/** A fresh token with a PIN, in the first slot that has none. */
function prepare(library: string, clean: () => void): TestToken {
  try {
    return fresh(library, clean)
  } catch (error) {
    clean()
    throw error
  }
}

function fresh(library: string, clean: () => void): TestToken {
  const c = driver() as Driver
  const module = new c.PKCS11()
  module.load(library)
  module.C_Initialize({ flags: c.CKF_OS_LOCKING_OK })
  module.C_InitToken(module.C_GetSlotList(true)[0] as Handle, SO_PIN, TOKEN.padEnd(32))
  const slot = () =>
    module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === TOKEN) as Handle
  within(c.CKU_SO, SO_PIN, (session) => module.C_InitPIN(session, PIN))

  function within(user: number, pin: string, work: (session: Handle) => void): void {
    const session = module.C_OpenSession(slot(), c.CKF_SERIAL_SESSION | c.CKF_RW_SESSION)
    module.C_Login(session, user, pin)
    work(session)
    module.C_Logout(session)
    module.C_CloseSession(session)
  }

  const addKey: TestToken['addKey'] = ({ label, id, extractable = false, curve = '06082a8648ce3d030107' }) => {
    const name = [
      { type: c.CKA_TOKEN, value: true },
      { type: c.CKA_LABEL, value: label },
      { type: c.CKA_ID, value: Buffer.from(id, 'hex') },
    ]
    const ours = [
      ...name,
      { type: c.CKA_VERIFY, value: true },
      { type: c.CKA_EC_PARAMS, value: Buffer.from(curve, 'hex') },
    ]
    const use = [
      { type: c.CKA_PRIVATE, value: true },
      { type: c.CKA_SENSITIVE, value: !extractable },
      { type: c.CKA_EXTRACTABLE, value: extractable },
      { type: c.CKA_SIGN, value: true },
    ]
    within(
      c.CKU_USER,
      PIN,
      (session) =>
        void module.C_GenerateKeyPair(session, { mechanism: c.CKM_EC_KEY_PAIR_GEN }, ours, [...name, ...use]),
    )
  }
  const close = () => {
    module.C_Finalize()
    clean()
  }
  return { library, module, slot, constants: c, addKey, close }
}
