// The settings about agents' keys, and about the doors by which they prove who they are.
import { onOff, setting, whole } from './setting-shapes.ts'

export const agentSettings = {
  publicRegistration: setting(onOff(), {
    env: 'CLAVIGER_PUBLIC_REGISTRATION',
    fallback: 'off',
    doc: 'Lets anybody register an agent by its key; it then waits until an operator approves it. Without it an operator or an invite is needed.',
  }),
  keyMaxAgeDays: setting(whole(0, 3_650), {
    env: 'CLAVIGER_KEY_MAX_AGE_DAYS',
    fallback: '0',
    doc: 'Age at which an agent’s key is refused, in days. `agent key list` says when that is, and in the last fifth of the time so does every sign-in (`keyRefusedAt`, and a line of `claviger login`). 0: keys may be of any age.',
  }),
  clawauthDoor: setting(onOff(), {
    env: 'CLAVIGER_CLAWAUTH',
    fallback: 'on',
    doc: 'The ClawAuth dialect (`/auth/…`, `/agents/…`, `/webhooks`) on the agent listener.',
  }),
  clawauthRequireV2: setting(onOff(), {
    env: 'CLAVIGER_CLAWAUTH_REQUIRE_V2',
    fallback: 'off',
    doc: 'Refuses the bare nonce at the ClawAuth door; only the form that names gateway, agent and audience is taken.',
  }),
}
