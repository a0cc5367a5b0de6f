// Private keys in files: made with mode 0600, and not taken from a file that others may read.
import { constants } from 'node:fs'
import { open, unlink } from 'node:fs/promises'
import { ClavigerError } from '../claviger-error.ts'
import { generatePemKeyPair } from '../keys.ts'
import { readPublicKey } from '../public-key.ts'
import { pemSigner, type Signer } from '../signer.ts'

export interface KeyFiles {
  /** PKCS#8 PEM, mode 0600. */
  readonly privateKeyFile: string
  /** SubjectPublicKeyInfo PEM: `<privateKeyFile>.pub`. */
  readonly publicKeyFile: string
  readonly publicKey: string
  readonly thumbprint: string
  readonly hash: string
}

const MAX_BYTES = 16_384

/** Makes a pair in two new files. Throws `file_exists` for one that is there: a key that is overwritten is lost. */
export async function generateKeyFiles(privateKeyFile: string): Promise<KeyFiles> {
  const publicKeyFile = `${privateKeyFile}.pub`
  const pair = await generatePemKeyPair()
  await writeNew(privateKeyFile, pair.privateKey, 0o600)
  await writeNew(publicKeyFile, pair.publicKey, 0o644).catch(async (error: unknown) => {
    await unlink(privateKeyFile)
    throw error
  })
  const { thumbprint, hash } = await readPublicKey(pair.publicKey)
  return { privateKeyFile, publicKeyFile, publicKey: pair.publicKey, thumbprint, hash }
}

/** Signs with the key of a file. Throws `key_file_invalid` for one that others may read or write, and `key_invalid`. */
export async function fileSigner(path: string): Promise<Signer> {
  return pemSigner(await readPrivate(path))
}

async function readPrivate(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((cause: unknown) => {
    throw invalid(`${path} cannot be opened (${(cause as NodeJS.ErrnoException).code})`, undefined, cause)
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile() || stat.size > MAX_BYTES) throw invalid(`${path} is no key file`)
    if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
      throw invalid(`other users may read or write ${path}`, `Run: chmod 600 ${path}`)
    }
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode).catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException
    const title = code === 'EEXIST' ? 'The file is there already' : 'The file cannot be made'
    const name = code === 'EEXIST' ? 'file_exists' : 'file_unwritable'
    throw new ClavigerError(name, title, {
      detail: `${path} (${code})`,
      hint: 'Name a file that does not exist yet',
      cause,
    })
  })
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

function invalid(detail: string, hint?: string, cause?: unknown): ClavigerError {
  return new ClavigerError('key_file_invalid', 'The key file cannot be used', { detail, hint, cause })
}
