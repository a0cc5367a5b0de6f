// Settings of the keys that tokens are signed with, and of the HSM that may hold them.
import { z } from 'zod'
import { optionalPath, setting, whole } from './setting-shapes.ts'

const label = () =>
  z
    .string()
    .regex(/^[\x20-\x7e]{0,32}$/, 'at most 32 printable ASCII characters are wanted')
    .transform((text) => text.trim())

export const signingSettings = {
  signingKeyDays: setting(whole(1, 366), {
    env: 'CLAVIGER_SIGNING_KEY_DAYS',
    fallback: '30',
    doc: 'How long a key signs access tokens before the next one takes its place.',
  }),
  hsmModule: setting(optionalPath(), {
    env: 'CLAVIGER_HSM_MODULE',
    fallback: '',
    doc: 'PKCS#11 module (shared library) of an HSM that holds the signing keys; without it they lie in the vault.',
  }),
  hsmTokenLabel: setting(label(), {
    env: 'CLAVIGER_HSM_TOKEN_LABEL',
    fallback: '',
    doc: 'Label of the token in that HSM.',
  }),
  hsmKeyLabel: setting(label(), {
    env: 'CLAVIGER_HSM_KEY_LABEL',
    fallback: 'claviger-signing',
    doc: 'Label that the keys get in the token. Two gateways on one token need two labels.',
  }),
  hsmPinFile: setting(optionalPath(), {
    env: 'CLAVIGER_HSM_PIN_FILE',
    fallback: '',
    doc: 'File that holds the PIN of the token’s user, alone. Mode 0400 or 0600, owned by the user who runs the gateway.',
  }),
}
