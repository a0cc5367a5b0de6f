// Files of `NAME=value` lines with settings. It refuses secrets' names, names it does not know, and files others can write.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { problemsOf } from './ground/problem.ts'

const problem = problemsOf({
  env_file_invalid: {
    status: 500,
    title: 'The file of settings cannot be used',
    hint: 'The file holds lines of the form NAME=value; `#` begins a comment.',
  },
})

export type EnvFile = Readonly<Record<string, string>>

export interface EnvFileOptions {
  /** Whether a name may be in this file. */
  readonly known: (name: string) => boolean
  /** Whether the file must exist. */
  readonly required?: boolean
}

const MAX_BYTES = 65_536
const SECRET = /(^|_)(TOKEN|PASSPHRASE|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL)S?$/
/** Ends like a secret's name and names a place: its setting takes nothing but a path. */
const PLACE = 'CLAVIGER_TLS_KEY'

/** Whether a variable of this name holds a secret by custom. `…_KEY_FILE` and the like only name a place. */
export function isSecretName(name: string): boolean {
  return name !== PLACE && SECRET.test(name.toUpperCase())
}

/**
 * Reads a file of settings; {} if it is not there and not required.
 * Throws Problem `env_file_invalid`; its detail names file, line and name, never a value.
 */
export function readEnvFile(path: string, options: EnvFileOptions): EnvFile {
  const text = readOwnFile(path, options.required === true)
  return text === undefined ? {} : parseEnvFile(text, path, options.known)
}

/** Parses `NAME=value` lines: comments, blank lines, 'single' (as is) and "double" quotes (\n \t \" \\). */
export function parseEnvFile(text: string, path: string, known: (name: string) => boolean): EnvFile {
  const values: Record<string, string> = Object.create(null)
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const at = `${path}:${index + 1}`
    const match = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line)
    if (match === null) throw problem('env_file_invalid', { detail: `${at}: not of the form NAME=value.` })
    const [, name = '', rest = ''] = match
    refuseName(name, at, known)
    if (name in values) throw problem('env_file_invalid', { detail: `${at}: ${name} is set twice.` })
    values[name] = readValue(rest, at)
  }
  return values
}

function refuseName(name: string, at: string, known: (name: string) => boolean): void {
  if (isSecretName(name)) {
    throw problem('env_file_invalid', {
      detail: `${at}: ${name} names a secret, and this file is for settings only.`,
      hint: 'Remove the line. Secrets are given to the command that needs them, by environment variable, file or stdin.',
    })
  }
  if (known(name)) return
  throw problem('env_file_invalid', {
    detail: `${at}: ${name} is not a setting that this file can hold.`,
    hint: 'The settings are in docs/guides/configuration.md; `claviger config` lists them.',
  })
}

function readValue(text: string, at: string): string {
  if (text.includes('\0')) throw problem('env_file_invalid', { detail: `${at}: a NUL byte.` })
  const quote = text[0]
  if (quote !== '"' && quote !== "'") return text.replace(/(^|\s+)#.*$/, '').trimEnd()
  const match = (quote === '"' ? /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/ : /^'([^']*)'\s*(?:#.*)?$/).exec(text)
  if (match === null)
    throw problem('env_file_invalid', { detail: `${at}: the quote is not closed, or text follows it.` })
  const inner = match[1] ?? ''
  return quote === "'" ? inner : inner.replace(/\\(.)/g, (_, c: string) => ({ n: '\n', t: '\t' })[c] ?? c)
}

function readOwnFile(path: string, required: boolean): string | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | (required ? 0 : constants.O_NOFOLLOW))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !required) return undefined
    throw problem('env_file_invalid', { detail: `${path}: cannot be opened (${code}).`, cause: error })
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > MAX_BYTES) {
      throw problem('env_file_invalid', { detail: `${path}: not a plain file of at most 64 KiB.` })
    }
    if ((stat.mode & 0o022) !== 0) {
      throw problem('env_file_invalid', {
        detail: `${path}: others may write to it.`,
        hint: `Run: chmod go-w ${path}`,
      })
    }
    return readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}
