/** A PKCS#11 module (a vendor's shared library) through pkcs11js, which is optional and loaded when it is wanted. */
import type { PKCS11 } from 'pkcs11js'
import { Problem, problemsOf } from '../ground/problem.ts'

export const hsmProblems = {
  hsm_driver_missing: {
    status: 500,
    title: 'pkcs11js is not installed, or not built for this Node',
    hint: 'Build it: npm rebuild pkcs11js, or in a checkout: node scripts/build-pkcs11.ts',
  },
  hsm_module_unusable: {
    status: 500,
    title: 'The PKCS#11 module cannot be used',
    hint: 'Name the shared library that came with the HSM, by its whole path, and look at what its own settings need',
  },
  hsm_pin_file_unsafe: {
    status: 500,
    title: 'The file with the PIN of the HSM is not safe to use',
    hint: 'It must be a plain file with the PIN alone, mode 0400 or 0600, owned by the user that runs the gateway',
  },
  hsm_token_missing: {
    status: 503,
    title: 'The HSM has no token of this label',
    hint: 'Look at the label and at whether the token is plugged in; it must be initialised and have a user PIN',
  },
  hsm_pin_refused: {
    status: 503,
    title: 'The token refuses the PIN',
    hint: 'Correct the PIN file. The same PIN is not tried again, so that the token does not lock itself',
  },
  hsm_unavailable: {
    status: 503,
    title: 'The HSM does not answer as it should',
    hint: 'Look at the HSM and the connection to it; it is tried again with the next signature',
  },
  hsm_busy: {
    status: 503,
    title: 'Too many signatures wait for the HSM',
    hint: 'Try again; if it stays, the HSM is too slow for so many tokens',
  },
  hsm_key_missing: {
    status: 503,
    title: 'The token does not have this key',
    hint: 'It was removed there, or this is another token: a new key takes its place',
  },
  hsm_key_unsafe: {
    status: 500,
    title: 'The token makes keys that can leave it',
    hint: 'A key must be sensitive and not extractable, from its making on; look at the policy of the token',
  },
} as const

export const hsmProblem = problemsOf(hsmProblems)

type Constants = typeof import('pkcs11js')

export interface Library {
  readonly module: PKCS11
  readonly constants: Constants
}

/** Loads and initialises a module. Throws Problem `hsm_driver_missing`, `hsm_module_unusable`. */
export async function openLibrary(path: string): Promise<Library> {
  const constants = await driver()
  const module = new constants.PKCS11()
  try {
    module.load(path)
    initialise({ module, constants })
  } catch (error) {
    throw hsmProblem('hsm_module_unusable', { detail: `${path}: ${textOf(error)}.`, cause: error })
  }
  return { module, constants }
}

/** Once in a process and module; again where somebody ended it. Throws as the module does. */
export function initialise({ module, constants }: Library): void {
  try {
    module.C_Initialize({ flags: constants.CKF_OS_LOCKING_OK })
  } catch (error) {
    if (nameOf(error) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') throw error
  }
}

/** The module's name for what went wrong, such as `CKR_PIN_INCORRECT`; undefined for what is none of its errors. */
export function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? /^CKR_[A-Z0-9_]+/.exec(error.message)?.[0] : undefined
}

/** As a Problem that a caller may see. */
export function asHsmProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const name = nameOf(error)
  if (name === undefined) throw error
  return hsmProblem('hsm_unavailable', { detail: `The module answered ${name}.`, cause: error })
}

async function driver(): Promise<Constants> {
  try {
    const loaded = await import('pkcs11js')
    return (loaded as unknown as { default: Constants }).default
  } catch (cause) {
    throw hsmProblem('hsm_driver_missing', { cause })
  }
}

function textOf(error: unknown): string {
  return nameOf(error) ?? (error instanceof Error ? (error.message.split('\n')[0] ?? '').slice(0, 200) : 'unknown')
}
