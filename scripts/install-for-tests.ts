// Programs that some tests drive. Installed from Debian where we may; without them those tests say so and are skipped.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { buildPkcs11 } from './build-pkcs11.ts'

/** Program, or what lies where programs are looked for → Debian packages. */
const programs: Readonly<Record<string, string>> = {
  chromium: 'chromium',
  nginx: 'nginx-light',
  openssl: 'openssl',
  wrk: 'wrk',
  strace: 'strace',
  ps: 'procps',
  shellcheck: 'shellcheck',
  dash: 'dash',
  curl: 'curl',
  jq: 'jq',
  bwrap: 'bubblewrap',
  'mkfs.ext4': 'e2fsprogs',
  'softhsm2-util': 'softhsm2',
  'g++': 'g++',
  gh: 'gh',
  // Modules of the Python in /usr/bin.
  '../lib/python3/dist-packages/boto3': 'python3-boto3',
  '../lib/python3/dist-packages/requests': 'python3-requests',
  // With what makes it a token: the PKCS#11 driver, and the way from that to the emulated TPM.
  swtpm: 'swtpm libtpm2-pkcs11-1 libtss2-tcti-swtpm0',
}
/** For all of it together: where there is no way to Debian's servers, each try may take minutes. */
const PATIENCE_MS = 480_000

/** Never fails: what could not be installed is named on stderr. CLAVIGER_TEST_INSTALL=off leaves the machine as it is. */
export async function installForTests(): Promise<void> {
  await installPrograms()
  const unbuilt = buildPkcs11()
  if (unbuilt !== undefined)
    console.error(`tests: pkcs11js is not built (${unbuilt}); the tests that need it are skipped`)
}

async function installPrograms(): Promise<void> {
  const missing = Object.keys(programs).filter((name) => !isThere(name))
  if (missing.length === 0) return
  const may = process.getuid?.() === 0 && isThere('apt-get') && process.env.CLAVIGER_TEST_INSTALL !== 'off'
  if (may) {
    const packages = missing.flatMap((name) => programs[name]!.split(' '))
    console.error(`tests: installing ${packages.join(', ')} (apt-get) …`)
    if (!(await apt(['install', '-y', '--no-install-recommends', ...packages]))) {
      await apt(['update'])
      for (const name of packages) await apt(['install', '-y', '--no-install-recommends', name])
    }
  }
  const absent = missing.filter((name) => !isThere(name))
  if (absent.length > 0) console.error(`tests: without ${absent.join(', ')}; the tests that need them are skipped`)
}

function isThere(name: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(join(folder, name)))
}

const end = Date.now() + PATIENCE_MS

function apt(args: readonly string[]): Promise<boolean> {
  const left = end - Date.now()
  if (left <= 0) return Promise.resolve(false)
  return new Promise((resolve) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const child = spawn('apt-get', ['-q', ...args], {
      stdio: ['ignore', 'ignore', 'ignore'],
      env,
      timeout: left,
    })
    child.on('error', () => resolve(false))
    child.on('exit', (code) => resolve(code === 0))
  })
}
