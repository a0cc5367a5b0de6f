// Builds pkcs11js, which npm installs without its binary, with the compiler of this machine and the headers beside the
// running Node: nothing is downloaded. `node scripts/build-pkcs11.ts`, or by `npm test` for the tests that need it.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const source = join(root, 'node_modules', 'pkcs11js')
const cache = join(root, 'node_modules', '.cache', 'pkcs11js')
const target = join(source, 'build', 'Release', 'pkcs11.node')
/** The three files of its binding.gyp; they include the others. */
const files = ['src/dl.cpp', 'src/common.cpp', 'src/main.cpp']

/** Undefined when it is built, or why it cannot be. */
export function buildPkcs11(): string | undefined {
  if (existsSync(target)) return undefined
  if (!existsSync(join(source, 'package.json'))) return 'pkcs11js is not installed'
  const headers = headersOfNode()
  if (headers === undefined) return 'no headers beside this Node'
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  const built = join(cache, `pkcs11-${version}-${process.platform}-${process.arch}.node`)
  if (!existsSync(built)) {
    const failure = compile(headers, built)
    if (failure !== undefined) return failure
  }
  mkdirSync(dirname(target), { recursive: true })
  put(built, target)
  return undefined
}

function headersOfNode(): string | undefined {
  const folders = [join(dirname(process.execPath), '..', 'include', 'node'), '/usr/include/node']
  return folders.find((folder) => existsSync(join(folder, 'node_api.h')))
}

function compile(headers: string, built: string): string | undefined {
  mkdirSync(cache, { recursive: true })
  const draft = `${built}.${process.pid}`
  const options = ['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_DISABLE_CPP_EXCEPTIONS']
  const includes = [`-I${headers}`, `-I${join(source, 'includes')}`]
  const inputs = files.map((file) => join(source, file))
  const { status, error, stderr } = spawnSync('g++', [...options, ...includes, ...inputs, '-ldl', '-o', draft], {
    encoding: 'utf8',
    timeout: 300_000,
  })
  if (error !== undefined) return `no C++ compiler (${error.message})`
  if (status !== 0) return `g++ failed: ${stderr.split('\n')[0] ?? ''}`
  renameSync(draft, built)
  return undefined
}

/** Whole or not at all: another run may be loading it. */
function put(from: string, to: string): void {
  const draft = `${to}.${process.pid}`
  copyFileSync(from, draft)
  renameSync(draft, to)
}

if (import.meta.main) {
  const failure = buildPkcs11()
  process.stderr.write(
    failure === undefined ? `pkcs11js is built: ${target}\n` : `pkcs11js cannot be built: ${failure}\n`,
  )
  process.exitCode = failure === undefined ? 0 : 69
}
