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

/** Read from the environment alone, when the gateway starts, and taken out of it: a secret is never a setting. */
export const CLAUTH_ADMIN_TOKEN = 'CLAUTH_ADMIN_TOKEN'
