// Every setting there is: its shape, its environment variable, its default, its sentence in the guide.
// docs/guides/configuration.md and the example in a new home are written from this file.
import { isIP } from 'node:net'
import { z } from 'zod'
import { agentSettings } from './agent-settings.ts'
import { botmakerSettings } from './botmaker-settings.ts'
import { channelSettings } from './channel-settings.ts'
import { clauthSettings } from './clauth-settings.ts'
import { clawgateSettings } from './clawgate-settings.ts'
import { logLevels } from './ground/log-level.ts'
import { listenSettings } from './listen-places.ts'
import { operatorSettings } from './operator-settings.ts'
import { ASSURANCES } from './policy/assurance.ts'
import { docOf, filePath, listOf, onOff, optionalPath, type SettingDoc, setting, whole } from './setting-shapes.ts'
import { signInSettings } from './sign-in-settings.ts'
import { signingSettings } from './signing-settings.ts'
import { transportSettings } from './transport-settings.ts'
import { vaultSettings } from './vault-settings.ts'

const hostName = /^(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[0-9]{1,5})?$/
const listenAddress = z
  .string()
  .transform((text) => text.replace(/^\[(.*)\]$/, '$1').toLowerCase())
  .refine(
    (text) => isIP(text) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(text),
    'an IP address or a host name is wanted',
  )

export const settingsSchema = z.object({
  home: setting(filePath(), {
    env: 'CLAVIGER_HOME',
    fallback: '~/.claviger',
    doc: 'Folder that holds the database, the audit log and the operator socket. Mode 0700, owned by the user who runs the gateway.',
  }),
  host: setting(listenAddress, {
    env: 'CLAVIGER_HOST',
    fallback: '127.0.0.1',
    doc: 'Address the agents reach. Anything but loopback also needs CLAVIGER_TLS_CERT, or CLAVIGER_UNSAFE_PLAIN_LISTEN.',
  }),
  port: setting(whole(0, 65_535), {
    env: 'CLAVIGER_PORT',
    fallback: '4317',
    doc: 'Port the agents reach; 0 takes a free one and prints it.',
  }),
  unsafePlainListen: setting(onOff(), {
    env: 'CLAVIGER_UNSAFE_PLAIN_LISTEN',
    fallback: 'off',
    doc: 'Lets CLAVIGER_HOST be an address that other machines reach, without TLS. Tokens then cross the network in clear.',
  }),
  allowedHosts: setting(listOf(hostName, 'host names, each with or without a port, are wanted'), {
    env: 'CLAVIGER_ALLOWED_HOSTS',
    fallback: '',
    doc: 'Further `Host` values that are answered, by commas: needed where agents use a name. Others than these, the listener’s own and that of CLAVIGER_PUBLIC_URL are refused with 421.',
  }),
  ...transportSettings,
  ...listenSettings,
  ...operatorSettings,
  keyFile: setting(filePath(), {
    env: 'CLAVIGER_KEY_FILE',
    fallback: '$CLAVIGER_HOME.key',
    doc: 'Key file that unseals the vault at start. Mode 0400, beside the home and not in it, so that a copy of the home is not enough.',
  }),
  witnessFile: setting(optionalPath(), {
    env: 'CLAVIGER_WITNESS_FILE',
    fallback: '',
    doc: 'File outside the home (best on another disk) that also gets every signed audit checkpoint (`audit.witnessFile`).',
  }),
  maxInFlight: setting(whole(1, 1_000_000), {
    env: 'CLAVIGER_MAX_IN_FLIGHT',
    fallback: '2048',
    doc: 'Calls that may run at once; more are answered 503 with `Retry-After`.',
  }),
  maxInFlightPerAgent: setting(whole(1, 1_000_000), {
    env: 'CLAVIGER_MAX_IN_FLIGHT_PER_AGENT',
    fallback: '512',
    doc: 'Calls that one agent may have running at once; more are answered 429.',
  }),
  approvalHoldSeconds: setting(whole(0, 600), {
    env: 'CLAVIGER_APPROVAL_HOLD',
    fallback: '50',
    doc: 'Seconds for which a call that a human is asked about is kept waiting for the answer; then it is told to come again. A caller asks for less with `Prefer: wait=<seconds>`.',
  }),
  statedAssurance: setting(
    z
      .string()
      .toLowerCase()
      .pipe(z.enum(ASSURANCES, `one of ${ASSURANCES.join(', ')} is wanted`)),
    {
      env: 'CLAVIGER_STATED_ASSURANCE',
      fallback: 'passkey',
      doc: 'The least that a yes must be given with to what agents state that they do themselves: `tap`, `push`, `passkey` or `two-people`. An agent may want more. The ClawGate door has `CLAVIGER_CLAWGATE_APPROVERS`.',
    },
  ),
  ...channelSettings,
  ...agentSettings,
  ...clauthSettings,
  ...vaultSettings,
  ...clawgateSettings,
  ...botmakerSettings,
  ...signInSettings,
  ...signingSettings,
  drainSeconds: setting(whole(0, 3_600), {
    env: 'CLAVIGER_DRAIN_SECONDS',
    fallback: '30',
    doc: 'How long a stop (SIGTERM, SIGINT, SIGHUP) waits for running calls before it ends them.',
  }),
  demo: setting(onOff(), {
    env: 'CLAVIGER_DEMO',
    fallback: 'on',
    doc: 'The built-in demo upstream, and the demo service, agent and credential of the first start.',
  }),
  log: setting(
    z
      .string()
      .toLowerCase()
      .pipe(z.enum(logLevels, `one of ${logLevels.join(', ')} is wanted`)),
    {
      env: 'CLAVIGER_LOG',
      fallback: 'info',
      doc: 'Least severity that is logged on stderr: fatal, error, warn, info, debug, trace or silent. Without it LOG_LEVEL and DEBUG=* are understood.',
    },
  ),
})

/** Everything that can be set, checked and frozen. Times and counts carry their unit in the name. */
export type Settings = Readonly<z.output<typeof settingsSchema>>
export type SettingName = keyof Settings

/** The documentation of every setting, in the order of the schema. */
export function settingDocs(): readonly (SettingDoc & { readonly name: SettingName })[] {
  return settingNames.map((name) => ({ name, ...docOf(settingsSchema.shape[name]) }))
}

/** The documentation of one setting. */
export function settingDoc(name: SettingName): SettingDoc {
  return docOf(settingsSchema.shape[name])
}

export const settingNames = Object.keys(settingsSchema.shape) as SettingName[]
