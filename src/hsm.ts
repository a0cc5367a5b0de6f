// The HSM that the settings name, and the file its PIN is in.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { hsmProblem } from './crypto/pkcs11-library.ts'
import { openPkcs11, type Pkcs11Token } from './crypto/pkcs11-signer.ts'
import { Secret } from './ground/secret.ts'
import type { Settings } from './settings.ts'

const MAX_PIN_BYTES = 256

/**
 * Loads its module; undefined where none is set. The token itself is asked later, and again when it was away.
 * Throws Problem `hsm_driver_missing`, `hsm_module_unusable`, `hsm_pin_file_unsafe`.
 */
export async function openHsm(settings: Settings): Promise<Pkcs11Token | undefined> {
  const { hsmModule: module, hsmTokenLabel: token, hsmKeyLabel: key, hsmPinFile: file } = settings
  if (module === undefined || file === undefined) return undefined
  const pin = () => readPin(file)
  // What can be seen to be wrong at the start is said at the start.
  ;(await pin()).wipe()
  return openPkcs11({ module, token, key, pin })
}

/** The first line of the file. Throws Problem `hsm_pin_file_unsafe`. */
async function readPin(path: string): Promise<Secret> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
    throw unsafe(path, `it cannot be opened (${(error as NodeJS.ErrnoException).code})`)
  })
  try {
    await checkFile(path, file)
    const bytes = Buffer.alloc(MAX_PIN_BYTES)
    const { bytesRead } = await file.read(bytes, 0, MAX_PIN_BYTES, 0)
    const text = bytes.subarray(0, bytesRead)
    const end = text.findIndex((byte) => byte === 0x0a || byte === 0x0d)
    return new Secret(end < 0 ? text : text.subarray(0, end))
  } finally {
    await file.close()
  }
}

async function checkFile(path: string, file: FileHandle): Promise<void> {
  const found = await file.stat()
  if (!found.isFile()) throw unsafe(path, 'it is not a plain file')
  if (found.uid !== process.geteuid?.()) throw unsafe(path, 'another user owns it')
  if ((found.mode & 0o077) !== 0) throw unsafe(path, `its mode is 0${(found.mode & 0o7777).toString(8)}`)
  if (found.size === 0 || found.size > MAX_PIN_BYTES) throw unsafe(path, `it has ${found.size} bytes`)
}

function unsafe(path: string, why: string) {
  return hsmProblem('hsm_pin_file_unsafe', { detail: `The PIN file ${path} is refused: ${why}.` })
}
