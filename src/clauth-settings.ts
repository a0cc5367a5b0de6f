// The settings of the Clauth door. Those that an installation of Clauth has already keep their names.
import { onOff, setting } from './setting-shapes.ts'

export const clauthSettings = {
  clauthDoor: setting(onOff(), {
    env: 'CLAVIGER_CLAUTH',
    fallback: 'on',
    doc: 'The Clauth dialect (`/clauth/v1/…`, `/dashboard`) on the agents’ listener, and at CLAVIGER_CLAUTH_LISTEN.',
  }),
  clauthAllowRemote: setting(onOff(), {
    env: 'CLAUTH_ALLOW_REMOTE',
    fallback: 'off',
    doc: 'Lets other machines use the Clauth door, where CLAVIGER_HOST lets them come at all. Without it they are answered 403.',
  }),
  clauthAllowInsecureHttp: setting(onOff(), {
    env: 'CLAUTH_ALLOW_INSECURE_HTTP',
    fallback: 'off',
    doc: 'Lets calls at the Clauth door name `http://` endpoints: those that a service has as an origin, and no others.',
  }),
}

/** Variables of Clauth that a start must know of, and that are no settings: secrets, and what means nothing here. */
export const CLAUTH_ADMIN_TOKEN = 'CLAUTH_ADMIN_TOKEN'

const understood = new Set([CLAUTH_ADMIN_TOKEN, 'CLAUTH_ALLOW_REMOTE', 'CLAUTH_ALLOW_INSECURE_HTTP'])

/** Names of variables in `env` that Clauth understood and this gateway does not. */
export function withoutMeaning(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env).filter((name) => name.startsWith('CLAUTH_') && !understood.has(name))
}
