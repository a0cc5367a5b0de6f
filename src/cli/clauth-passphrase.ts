import { Secret } from '../ground/secret.ts'
import { readSecret, readSmallFile } from './secret-source.ts'
import type { Terminal } from './terminal.ts'

/** A passphrase as Clauth takes it: the file that is named, CLAUTH_PASSPHRASE, CLAUTH_PASSPHRASE_FILE, or a hidden prompt. */
export async function clauthPassphrase(terminal: Terminal, file: string | undefined, ask: string): Promise<Secret> {
  const { CLAUTH_PASSPHRASE, CLAUTH_PASSPHRASE_FILE } = terminal.env
  if (file === undefined && CLAUTH_PASSPHRASE) return Secret.fromText(CLAUTH_PASSPHRASE)
  const path = file ?? CLAUTH_PASSPHRASE_FILE
  if (path) return Secret.fromText(readSmallFile(path, 'file_unreadable').toString('utf8').trim())
  return readSecret({}, terminal, ask)
}
