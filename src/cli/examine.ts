// What `claviger doctor` looks at. Every look gives findings; none changes anything.
import { lstatSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import type { AlertsStanding } from '../alerts/contract.ts'
import type { ChannelsStanding } from '../approvals/channels/contract.ts'
import { lookAtGeoFile } from '../geoip-file.ts'
import { Problem } from '../ground/problem.ts'
import { loadSettings, operatorSocket, type Settings, unknownVariables } from '../settings.ts'
import { prepareHome } from '../storage/safe-home.ts'
import { type GatewayClient, operatorClient } from './client.ts'
import { channelFindings } from './examine-channels.ts'
import { type ConnectionsStanding, connectionFindings } from './examine-connections.ts'
import { examineOperators } from './examine-operators.ts'
import { examineTls } from './examine-tls.ts'
import { webhookFindings } from './examine-webhooks.ts'
import { type Finding, fromProblem } from './finding.ts'
import type { Terminal } from './terminal.ts'
import { operatorToken } from './tokens.ts'

const MIB = 1_048_576

/** All findings, in the order a start would meet them. */
export async function examine(terminal: Terminal, envFile: string | undefined): Promise<Finding[]> {
  const early = [node(), user(), ...variables(terminal)]
  let settings: Settings
  try {
    settings = loadSettings({ env: terminal.env, envFile })
  } catch (error) {
    return [...early, fromProblem('settings', error)]
  }
  early.push(...examineTls(settings), examineOperators(settings))
  const made = lstatSync(settings.home, { throwIfNoEntry: false }) !== undefined
  if (!made) {
    const says = `${settings.home} is not there yet; the first start makes it`
    return [...early, { state: 'note', about: 'home', says }, disk(dirname(settings.home)), await port(settings)]
  }
  return [
    ...early,
    home(settings),
    keyFile(settings),
    witness(settings),
    await places(settings),
    disk(settings.home),
    swap(),
    ...(await gateway(settings, terminal)),
  ]
}

function node(): Finding {
  return { state: 'ok', about: 'node', says: `${process.version}, ${process.platform} ${process.arch}` }
}

function user(): Finding {
  if (process.getuid?.() !== 0) return { state: 'ok', about: 'user', says: `user ${process.getuid?.()}` }
  const hint = 'Run it as a user of its own: then other programs of yours cannot read its memory or its key file.'
  return { state: 'note', about: 'user', says: 'this is root', hint }
}

function variables(terminal: Terminal): Finding[] {
  return unknownVariables(terminal.env).map((name) => ({
    state: 'note',
    about: 'settings',
    says: `${name} is set and means nothing here`,
    hint: '`claviger config` lists the names that mean something.',
  }))
}

function home(settings: Settings): Finding {
  try {
    prepareHome(settings.home)
    return { state: 'ok', about: 'home', says: `${settings.home}: yours alone, mode 0700` }
  } catch (error) {
    return fromProblem('home', error)
  }
}

function keyFile({ keyFile: path, home: folder }: Settings): Finding {
  const about = 'key file'
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) {
    return {
      state: 'ok',
      about,
      says: 'none: the vault opens with the passphrase alone, and every start is sealed until `claviger unseal`',
    }
  }
  const wrong = [
    stat.isFile() ? undefined : 'is not a plain file',
    stat.uid === process.getuid?.() ? undefined : `belongs to user ${stat.uid}`,
    (stat.mode & 0o377) === 0 ? undefined : `has mode 0${(stat.mode & 0o777).toString(8)}, and 0400 is wanted`,
    stat.nlink === 1 ? undefined : 'has another hard link',
  ].find((text) => text !== undefined)
  if (wrong !== undefined)
    return {
      state: 'bad',
      about,
      says: `${path} ${wrong}`,
      hint: 'Somebody else may have read it. `claviger passphrase set --only` makes it worthless.',
    }
  const inside = path.startsWith(`${folder}/`) ? ' It lies inside the home: a copy of the home opens itself.' : ''
  return {
    state: 'note',
    about,
    says: `${path}: whoever can run programs as this user can read it, and with it every credential, as long as it opens the vault.${inside}`,
    hint: '`claviger passphrase slots` says whether it does; after `claviger passphrase set --only` it does not, and can be deleted.',
  }
}

function witness({ witnessFile, home: folder }: Settings): Finding {
  const about = 'witness'
  if (witnessFile === undefined) {
    const says = 'none: if home and log are replaced together by an older copy, nobody notices'
    return { state: 'note', about, says, hint: 'Set CLAVIGER_WITNESS_FILE to a file on another disk.' }
  }
  const above = statSync(dirname(witnessFile), { throwIfNoEntry: false })
  if (above === undefined) return { state: 'bad', about, says: `${dirname(witnessFile)} is not there` }
  const same = above.dev === statSync(folder).dev
  const says = `${witnessFile}${same ? ', on the same disk as the home: it goes where the home goes' : ''}`
  return { state: same ? 'note' : 'ok', about, says }
}

/** Absence is no fault: most installations have no such file. One that is named and cannot be used is. */
async function places({ geoipFile }: Settings): Promise<Finding> {
  const about = 'geoip'
  const { state, type, builtAt } = await lookAtGeoFile(geoipFile)
  if (state === 'off') {
    const says = 'none: sign-ins are not looked at by place, so travel is not noticed'
    return { state: 'note', about, says, hint: 'Set CLAVIGER_GEOIP_FILE to a country or city database (.mmdb).' }
  }
  if (state !== 'ready')
    return { state: 'bad', about, says: `${geoipFile} ${state === 'missing' ? 'is not there' : 'cannot be read'}` }
  const made = builtAt === undefined ? '' : `, made ${new Date(builtAt).toISOString().slice(0, 10)}`
  return { state: 'ok', about, says: `${geoipFile}: ${type}${made}` }
}

function disk(folder: string): Finding {
  const { bavail, bsize } = statfsSync(nearest(folder))
  const free = Math.floor((bavail * bsize) / MIB)
  const says = `${free} MiB free`
  if (free >= 1_024) return { state: 'ok', about: 'disk', says }
  const hint = 'Below the reserve of 64 MiB nothing is forwarded any more: a call without its record does not happen.'
  return { state: free < 128 ? 'bad' : 'note', about: 'disk', says, hint }
}

function nearest(folder: string): string {
  return statSync(folder, { throwIfNoEntry: false }) === undefined ? nearest(dirname(folder)) : folder
}

function swap(): Finding {
  let lines = 0
  try {
    lines = readFileSync('/proc/swaps', 'utf8').trim().split('\n').length - 1
  } catch {
    // Not Linux: nothing to say.
  }
  if (lines < 1) return { state: 'ok', about: 'swap', says: 'none' }
  return {
    state: 'note',
    about: 'swap',
    says: 'on: memory of the gateway may reach the disk',
    hint: 'Encrypt the swap, or turn it off (systemd: MemorySwapMax=0).',
  }
}

async function gateway(settings: Settings, terminal: Terminal): Promise<Finding[]> {
  const about = 'gateway'
  const client = lstatSync(operatorSocket(settings), { throwIfNoEntry: false }) && operatorClient(settings, undefined)
  if (client === undefined) return [{ state: 'note', about, says: 'not running' }, await port(settings)]
  try {
    const { version, state } = await client.ask({ method: 'GET', path: '/health' })
    const told = await askStatus(settings, terminal)
    if (state === 'unsealed') {
      const says = `version ${version} answers; the vault is unsealed`
      return [{ state: 'ok', about, says }, ...findingsOf(told)]
    }
    const reason = 'reason' in told ? told.reason : undefined
    const doubted = reason === 'integrity' || reason === 'rollback_suspected'
    return [
      {
        state: doubted ? 'bad' : 'note',
        about,
        says: `version ${version} answers; the vault is ${state}${reason === undefined ? '' : ` (${reason})`}`,
        hint: doubted
          ? 'Its log on stderr says what was found; `claviger audit verify` looks at the audit log.'
          : 'Nothing is forwarded until `claviger unseal`.',
      },
    ]
  } catch (error) {
    if (error instanceof Problem && error.code === 'gateway_not_running') {
      return [
        {
          state: 'note',
          about,
          says: 'not running; the socket of an earlier start is still there, which harms nothing',
        },
        await port(settings),
      ]
    }
    return [fromProblem(about, error)]
  } finally {
    await client.close()
  }
}

type Told =
  | {
      readonly webhooks: AlertsStanding
      readonly connections: ConnectionsStanding
      readonly channels: ChannelsStanding
    }
  | { readonly reason: string | undefined }

function findingsOf(told: Told): Finding[] {
  if (!('webhooks' in told)) return []
  const { webhooks, connections, channels } = told
  return [...webhookFindings(webhooks), ...connectionFindings(connections), ...channelFindings(channels)]
}

/**
 * What the gateway says to an operator; nothing of these to anybody else. Why the vault is sealed it says on this socket to
 * whoever presents a token, which it cannot check then.
 */
async function askStatus(settings: Settings, terminal: Terminal): Promise<Told> {
  let client: GatewayClient | undefined
  try {
    client = operatorClient(settings, operatorToken(terminal))
    return await client.ask({ method: 'GET', path: '/status' })
  } catch (error) {
    return { reason: error instanceof Problem ? error.facts.reason?.toString() : undefined }
  } finally {
    await client?.close()
  }
}

/** Whether a start could have its port: by taking it for a moment. */
function port({ host, port: wanted }: Settings): Promise<Finding> {
  const about = 'port'
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint = 'CLAVIGER_PORT and CLAVIGER_HOST choose another.'
      resolve({ state: 'bad', about, says: `${host} ${wanted} cannot be had (${error.code})`, hint })
    })
    server.listen({ host, port: wanted, exclusive: true }, () => {
      server.close(() => resolve({ state: 'ok', about, says: `${host} ${wanted} is free` }))
    })
  })
}
