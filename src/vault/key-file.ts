/** Key files: 32 random bytes, mode 0400, owned by the user that runs the gateway, reached without following a link. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Secret } from '../ground/secret.ts'
import { vaultProblem } from './contract.ts'

const KEY_BYTES = 32
const MODE = 0o400

/**
 * The key in a file. Throws Problem `key_file_missing`, or `key_file_unsafe` for a link, another kind of file, another
 * owner, any right beyond reading by the owner, a second hard link, or another length. Nothing is repaired silently.
 */
export async function readKeyFile(path: string): Promise<Secret> {
  const file = await openOrRefuse(path)
  try {
    await checkFile(path, file)
    const key = Buffer.alloc(KEY_BYTES)
    const { bytesRead } = await file.read(key, 0, KEY_BYTES, 0)
    if (bytesRead !== KEY_BYTES) throw unsafe(path, 'it could not be read whole')
    return new Secret(key)
  } finally {
    await file.close()
  }
}

/** Makes a key file and syncs it and its folder. Throws as open() does (EEXIST) if something has that name already. */
export async function createKeyFile(path: string): Promise<Secret> {
  const key = randomBytes(KEY_BYTES)
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, MODE)
  try {
    await file.chmod(MODE) // whatever the umask took away
    await file.writeFile(key)
    await file.sync()
  } finally {
    await file.close()
  }
  await syncFolder(dirname(path))
  return new Secret(key)
}

/** Reads the key file, or makes it if nothing has that name: a start that died half-way goes on where it was. */
export async function readOrCreateKeyFile(path: string): Promise<Secret> {
  try {
    return await createKeyFile(path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    return readKeyFile(path)
  }
}

async function openOrRefuse(path: string): Promise<FileHandle> {
  try {
    // not blocking: opening a pipe would wait for its writer
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw vaultProblem('key_file_missing', { detail: `There is no key file at ${path}.` })
    if (hasCode(error, 'ELOOP')) throw unsafe(path, 'it is a symbolic link')
    throw unsafe(path, 'it cannot be opened')
  }
}

async function checkFile(path: string, file: FileHandle): Promise<void> {
  const found = await file.stat()
  if (!found.isFile()) throw unsafe(path, 'it is not a plain file')
  if (found.uid !== process.geteuid?.()) throw unsafe(path, 'another user owns it')
  if ((found.mode & 0o7777) !== MODE) throw unsafe(path, `its mode is 0${(found.mode & 0o7777).toString(8)}, not 0400`)
  if (found.nlink !== 1) throw unsafe(path, 'it has a second name')
  if (found.size !== KEY_BYTES) throw unsafe(path, `it has ${found.size} bytes, not ${KEY_BYTES}`)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function unsafe(path: string, why: string) {
  return vaultProblem('key_file_unsafe', { detail: `The key file ${path} is refused: ${why}.` })
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
