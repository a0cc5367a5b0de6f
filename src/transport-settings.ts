// The settings about how requests come in: TLS, the proxies in front, the public address.
import { z } from 'zod'
import { addressSet } from './ground/addresses.ts'
import { listOf, optionalPath, setting, whole } from './setting-shapes.ts'

/** A path, and never what should stand in the file: that would be shown with the other settings. */
const pemPath = () =>
  z
    .string()
    .regex(/^(?!\s*-----)[^\n\r]*$/, 'the path of a file is wanted, not what it holds')
    .pipe(optionalPath())

const proxies = () =>
  listOf(/./, 'addresses are wanted')
    .refine(readable, 'addresses such as 10.1.2.3 or ranges such as 10.1.0.0/16 are wanted')
    .refine((list) => list.every((item) => !item.endsWith('/0')), 'a range that holds every address trusts everybody')

function readable(list: readonly string[]): boolean {
  try {
    addressSet(list)
    return true
  } catch {
    return false
  }
}

const httpsOrigin = () =>
  z.string().transform((text, context) => {
    if (text === '') return undefined
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url?.protocol === 'https:' && url.href === `${url.origin}/` && !url.hostname.endsWith('.')) return url.origin
    context.addIssue('an address such as https://claviger.example.com is wanted, without a path')
    return z.NEVER
  })

export const transportSettings = {
  tlsCert: setting(pemPath(), {
    env: 'CLAVIGER_TLS_CERT',
    fallback: '',
    doc: 'File with the certificate and its chain (PEM, own certificate first). With CLAVIGER_TLS_KEY the agents’ listener speaks TLS 1.3 and nothing else. Read again when it changes.',
  }),
  tlsKey: setting(pemPath(), {
    env: 'CLAVIGER_TLS_KEY',
    fallback: '',
    doc: 'File with the certificate’s private key (PEM, without a passphrase). Mode 0600, owned by the user who runs the gateway.',
  }),
  tlsOcsp: setting(pemPath(), {
    env: 'CLAVIGER_TLS_OCSP',
    fallback: '',
    doc: 'File with an OCSP response for the certificate (DER), which is stapled to handshakes while it is valid. Read again when it changes.',
  }),
  publicUrl: setting(httpsOrigin(), {
    env: 'CLAVIGER_PUBLIC_URL',
    fallback: '',
    doc: 'Where agents and services reach this gateway from outside, `https://name[:port]`: the issuer of its tokens, the base of its links, and where operators’ passkeys are good. Its name is answered as `Host`. Without it, the listener’s own address, and operators’ pages on this machine only.',
  }),
  trustedProxies: setting(proxies(), {
    env: 'CLAVIGER_TRUSTED_PROXIES',
    fallback: '',
    doc: 'Addresses and ranges of the reverse proxies in front, by commas. What they say in `X-Forwarded-For`, `X-Forwarded-Proto` or `Forwarded` is believed; nobody else is.',
  }),
  requireHttps: setting(
    z
      .string()
      .toLowerCase()
      .pipe(z.enum(['auth', 'all', 'off'], 'auth, all or off is wanted')),
    {
      env: 'CLAVIGER_REQUIRE_HTTPS',
      fallback: 'auth',
      doc: 'Where plain HTTP from beyond this machine is answered 426: `auth` (below `/claviger/v1/auth`, `/oauth`, `/auth`), `all` (everything but health), `off`. The ClawAuth door always does.',
    },
  ),
  webSocketMessageBytes: setting(whole(1_024, 999_999_999), {
    env: 'CLAVIGER_WEBSOCKET_MESSAGE_BYTES',
    fallback: '16777216',
    doc: 'Largest message, and largest frame, that a WebSocket carries, in bytes; what announces more is closed with 1009.',
  }),
  webSocketTotalMib: setting(whole(1, 999_999_999), {
    env: 'CLAVIGER_WEBSOCKET_TOTAL_MIB',
    fallback: '4096',
    doc: 'What one WebSocket may carry in all, each way, in MiB; then it is closed with 1008.',
  }),
}
