import { constants } from 'node:fs'
import { chmod, mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes a directory entry durable: creating, renaming and removing a file is on the disk only after this. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Replaces a file as a whole: temporary file beside it, sync, rename, sync of the directory. Mode 0600. */
export async function writeDurably(path: string, ...parts: readonly (Uint8Array | string)[]): Promise<void> {
  const temporary = `${path}.new`
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
  const handle = await open(temporary, flags, 0o600)
  try {
    for (const part of parts) await handle.appendFile(part)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

/** Makes a directory and its parents, mode 0700, and the last one's entry durable. */
export async function makeFolder(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 })
  if (made === undefined) return
  await chmod(path, 0o700)
  await syncDirectory(dirname(path))
}
