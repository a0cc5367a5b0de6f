// Signs through a command that holds the key where this process cannot reach: the Secure Enclave, a smart card's tool, an agent.
import { spawn } from 'node:child_process'
import { fromBase64url, fromHex } from '../bytes.ts'
import { type PublicJwk, readPublicKey, verifySignature } from '../public-key.ts'
import { fromDer, isRawSignature } from '../signature.ts'
import { type Signer, signerFailed } from '../signer.ts'

export interface CommandSignerOptions {
  /** The program, found in PATH or given whole. No shell reads it. */
  readonly command: string
  readonly args?: readonly string[]
  /** SubjectPublicKeyInfo in PEM, or a JWK. */
  readonly publicKey: string | PublicJwk
  /** All that the command finds in its environment; this process's own if left out. */
  readonly env?: Readonly<Record<string, string>>
  /** How long it may take: a finger may have to find a sensor. */
  readonly timeoutMs?: number
}

const PATIENCE_MS = 60_000
const MAX_OUTPUT = 4_096

/**
 * The command gets the bytes to sign on stdin, not their hash, and prints the signature over their SHA-256: DER or r‖s, in
 * hex or base64url. What it prints is verified before it is used. Throws `signer_failed`.
 */
export function commandSigner(options: CommandSignerOptions): Signer {
  return {
    publicKey: options.publicKey,
    async sign(bytes) {
      const signature = readSignature((await run(options, bytes)).trim())
      if (signature === undefined) throw signerFailed(`${options.command} printed no signature`)
      const { key } = await readPublicKey(options.publicKey)
      if (await verifySignature(key, bytes, signature)) return signature
      throw signerFailed(`${options.command} signed with another key, or something else`)
    },
  }
}

function readSignature(text: string): Uint8Array | undefined {
  const bytes = fromHex(text) ?? fromBase64url(text)
  if (bytes === undefined) return undefined
  return fromDer(bytes) ?? (isRawSignature(bytes) ? bytes : undefined)
}

function run({ command, args = [], env, timeoutMs = PATIENCE_MS }: CommandSignerOptions, bytes: Uint8Array) {
  return new Promise<string>((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...(env && { env }), windowsHide: true })
    const said = { stdout: '', stderr: '' }
    const fail = (detail: string, cause?: unknown) => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(signerFailed(detail, cause))
    }
    const timer = setTimeout(() => fail(`${command} took longer than ${timeoutMs} ms`), timeoutMs)
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] = (said[name] + text).slice(0, MAX_OUTPUT + 1)
        if (name === 'stdout' && said.stdout.length > MAX_OUTPUT) fail(`${command} printed too much`)
      })
    }
    child.on('error', (error) => fail(`${command} cannot be started`, error))
    // A command that ends without reading is judged by how it ended.
    child.stdin.on('error', () => undefined)
    child.stdin.end(bytes)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve(said.stdout)
      else reject(signerFailed(`${command} ended with ${code ?? signal}: ${said.stderr.trim().slice(0, 200)}`))
    })
  })
}
