import { Worker } from 'node:worker_threads'
import type { Secret } from '../ground/secret.ts'
import { MAX_PASSPHRASE_BYTES, MIN_PASSPHRASE_CHARACTERS, vaultProblem } from './contract.ts'

/** log10 of the guesses that a passphrase must stand: 10¹⁰, each of them 0.4 s of Argon2id. */
export const MIN_GUESSES_LOG10 = 10

/**
 * The bytes that are stretched: NFC, UTF-8. The caller zeroes them. Undefined unless the passphrase is valid UTF-8 of
 * 1–1,024 bytes; whether it is strong is asked only when one is set.
 */
export function passphraseBytes(passphrase: Secret): Buffer | undefined {
  const text = decode(passphrase)
  if (text === undefined) return undefined
  const bytes = Buffer.from(text, 'utf8')
  return bytes.length >= 1 && bytes.length <= MAX_PASSPHRASE_BYTES ? bytes : undefined
}

/**
 * The gate for a new passphrase. Throws Problem `passphrase_too_short` below 12 characters, `passphrase_too_long` above
 * 1,024 bytes, `passphrase_too_weak` if it could be guessed in fewer than 10¹⁰ attempts or is not valid UTF-8.
 */
export async function checkPassphrase(passphrase: Secret): Promise<void> {
  const text = decode(passphrase)
  if (text === undefined) throw vaultProblem('passphrase_too_weak', { detail: 'The passphrase is not valid UTF-8.' })
  if ([...text].length < MIN_PASSPHRASE_CHARACTERS) throw vaultProblem('passphrase_too_short')
  if (Buffer.byteLength(text) > MAX_PASSPHRASE_BYTES) throw vaultProblem('passphrase_too_long')
  if ((await guessesLog10(text)) < MIN_GUESSES_LOG10) throw vaultProblem('passphrase_too_weak')
}

/** Asked in a thread that ends afterwards: its dictionaries are 30 MB, its search is slow, and its copies die with it. */
function guessesLog10(text: string): Promise<number> {
  const worker = new Worker(new URL('./estimate-guesses.ts', import.meta.url), { workerData: text, env: {} })
  return new Promise((resolve, reject) => {
    worker.once('message', (answer: unknown) => (typeof answer === 'number' ? resolve(answer) : resolve(0)))
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the strength gate ended without an answer')))
  })
}

function decode(passphrase: Secret): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(passphrase.reveal()).normalize('NFC')
  } catch {
    return undefined
  }
}
