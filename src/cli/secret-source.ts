// Where a command takes a secret from: environment variable, file, stdin, or a prompt without echo. Never argv.
import { isUtf8 } from 'node:buffer'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { Secret } from '../ground/secret.ts'
import { fileTrouble } from './file-trouble.ts'
import { cliProblem } from './problems.ts'
import { say, type Terminal } from './terminal.ts'

const MAX_BYTES = 65_536

export interface SecretOptions {
  readonly secretEnv?: string
  readonly secretFile?: string
  readonly secretStdin?: boolean
}

/**
 * The secret, without the line end that editors and `echo` add. Exactly one source may be named; with none it is asked
 * for on a terminal, twice if `confirm`. Throws Problem `secret_source_missing` or `secret_source_invalid`.
 */
export async function readSecret(
  options: SecretOptions,
  terminal: Terminal,
  ask: string,
  confirm = false,
): Promise<Secret> {
  checkSecretOptions(options)
  const secret = await fromSource(options, terminal, ask, confirm)
  if (secret.length > 0) return secret
  throw cliProblem('secret_source_invalid', { detail: 'The secret is empty.' })
}

/** What can be said against the options before anything else is done. Throws `usage` or `secret_in_argv`. */
export function checkSecretOptions({ secretEnv, secretFile, secretStdin }: SecretOptions): void {
  const named = [secretEnv, secretFile, secretStdin].filter((source) => source !== undefined)
  if (named.length > 1) throw cliProblem('usage', { detail: 'Name one source for the secret.' })
  // A mistaken value after --secret-env is most likely the secret itself: it is not repeated.
  if (secretEnv !== undefined && !/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(secretEnv)) {
    throw cliProblem('secret_in_argv', {
      detail: '--secret-env takes the name of an environment variable, not its value.',
    })
  }
}

/** The secret as JSON can carry it. The bytes are wiped; the text lives on until it is sent. Throws if it is not UTF-8. */
export function textOf(secret: Secret): string {
  const bytes = secret.reveal()
  if (!isUtf8(bytes)) throw cliProblem('secret_source_invalid', { detail: 'The secret is not text in UTF-8.' })
  const text = bytes.toString('utf8')
  secret.wipe()
  return text
}

async function fromSource(options: SecretOptions, terminal: Terminal, ask: string, confirm: boolean): Promise<Secret> {
  if (options.secretEnv !== undefined) return fromEnv(options.secretEnv, terminal)
  if (options.secretFile !== undefined) return new Secret(withoutLineEnd(readSmallFile(options.secretFile)))
  if (options.secretStdin === true) return new Secret(withoutLineEnd(await readAll(terminal.stdin)))
  if (!terminal.stdin.isTTY) throw cliProblem('secret_source_missing')
  const first = await prompt(terminal, ask)
  if (!confirm || first.equals(await prompt(terminal, `${ask} again`))) return new Secret(first)
  throw cliProblem('secret_source_invalid', { detail: 'The two entries differ.' })
}

function fromEnv(name: string, terminal: Terminal): Secret {
  const value = terminal.env[name]
  if (value !== undefined) return Secret.fromText(value)
  throw cliProblem('secret_source_invalid', {
    detail: 'The environment variable that --secret-env names is not set.',
    hint: 'If what you wrote there was the secret itself, replace that secret: it stood on the command line.',
  })
}

/** The bytes of a file of at most 64 KiB. Throws the Problem `code`: say what the file was to be. */
export function readSmallFile(
  path: string,
  code: 'secret_source_invalid' | 'file_unreadable' | 'token_file_invalid' = 'secret_source_invalid',
): Buffer {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY)
  } catch (error) {
    throw cliProblem(code, { detail: `${path} ${fileTrouble(error)}.`, cause: error })
  }
  try {
    if (fstatSync(fd).isDirectory()) throw cliProblem(code, { detail: `${path} is a folder.` })
    const bytes = Buffer.alloc(MAX_BYTES + 1)
    let length = 0
    for (let got = -1; got !== 0 && length <= MAX_BYTES; length += got)
      got = readSync(fd, bytes, length, bytes.length - length, null)
    if (length > MAX_BYTES) throw cliProblem(code, { detail: `${path} holds more than 64 KiB.` })
    return bytes.subarray(0, length)
  } finally {
    closeSync(fd)
  }
}

/** Throws Problem `secret_source_invalid` above 64 KiB. */
export async function readAll(stream: NodeJS.ReadStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk as Buffer))
    length += chunk.length
    if (length > MAX_BYTES) throw cliProblem('secret_source_invalid', { detail: 'stdin holds more than 64 KiB.' })
  }
  return Buffer.concat(chunks)
}

/** Asks on stderr and reads one line of the terminal without echo. Ctrl-C and Ctrl-D end it. */
async function prompt(terminal: Terminal, ask: string): Promise<Buffer> {
  const { stdin, stderr } = terminal
  stderr.write(`${ask}: `)
  stdin.setRawMode(true)
  try {
    return await readLineWithoutEcho(stdin)
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    say(terminal, '')
  }
}

async function readLineWithoutEcho(stdin: NodeJS.ReadStream): Promise<Buffer> {
  const typed: number[] = []
  for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
    for (const byte of chunk as Buffer) {
      if (byte === 0x0d || byte === 0x0a) return Buffer.from(typed)
      if (byte === 0x03 || byte === 0x04) throw cliProblem('secret_source_missing', { detail: 'Nothing was entered.' })
      if (byte === 0x7f || byte === 0x08) typed.splice(lastCharacter(typed))
      else if (typed.length < MAX_BYTES) typed.push(byte)
    }
  }
  throw cliProblem('secret_source_missing', { detail: 'The terminal closed.' })
}

/** Index at which the last UTF-8 character begins. */
function lastCharacter(typed: readonly number[]): number {
  let at = typed.length - 1
  while (at > 0 && (typed[at]! & 0xc0) === 0x80) at -= 1
  return Math.max(at, 0)
}

function withoutLineEnd(bytes: Buffer): Buffer {
  let end = bytes.length
  if (bytes[end - 1] === 0x0a) end -= 1
  if (end < bytes.length && bytes[end - 1] === 0x0d) end -= 1
  return bytes.subarray(0, end)
}
