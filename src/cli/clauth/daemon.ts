// `clauth init`, `clauth daemon`: a home, and the gateway in the foreground.

import type { Secret } from '../../ground/secret.ts'
import type { House } from '../../house.ts'
import { placeText } from '../../listen-places.ts'
import { listenerUrl } from '../../public-address.ts'
import { loadSettings, type Settings } from '../../settings.ts'
import { clauthPassphrase } from '../clauth-passphrase.ts'
import { setInHome } from '../home-env.ts'
import { cliProblem } from '../problems.ts'
import { type Terminal, write } from '../terminal.ts'
import type { ClauthVerb } from './clauth-verb.ts'
import type { Flags } from './flags.ts'

const LISTEN = 'CLAVIGER_CLAUTH_LISTEN'

export const init: ClauthVerb = {
  about: '[--transport tcp|unix] [--host H] [--port N] [--socket PATH]',
  flags: { transport: 'text', host: 'text', port: 'text', socket: 'text' },
  async run(flags, { terminal, settings }) {
    const wanted = placeOf(flags)
    ;(await givenPassphrase(terminal))?.wipe()
    const first = settings()
    const { init: make } = await import('../../main.ts')
    const { home, operatorToken } = await make({ ...first, log: 'warn' })
    const set = wanted === undefined ? 'same' : setInHome(home, LISTEN, wanted, 'From clauth init.')
    const lines = ['Clauth initialized.', `Home: ${home}`, `Daemon: ${daemonUrl(loadSettings({ env: terminal.env }))}`]
    if (set === 'other') lines.push(`Kept: ${LISTEN} as ${home}/env says it.`)
    if (operatorToken !== undefined) {
      lines.push(`Operator token, shown this once: export CLAVIGER_OPERATOR_TOKEN=${operatorToken}`)
    }
    return { text: lines.join('\n') }
  },
}

export const daemon: ClauthVerb = {
  about: '',
  flags: {},
  async run(_, { terminal, settings }) {
    const checked = settings()
    const { up } = await import('../../main.ts')
    const say = ({ url, firstRun }: Pick<House, 'url' | 'firstRun'>) => {
      const at = checked.clauthListen === undefined ? url : daemonUrl(checked)
      const token = firstRun?.operatorToken
      const first =
        token === undefined ? '' : `Operator token, shown this once: export CLAVIGER_OPERATOR_TOKEN=${token}\n`
      void write(terminal.stdout, `Clauth daemon listening on ${at}\n${first}`)
    }
    const passphrase = await givenPassphrase(terminal)
    for (const name of ['CLAUTH_PASSPHRASE', 'CLAUTH_PASSPHRASE_FILE']) delete process.env[name]
    return { code: await up(checked, { say, passphrase }) }
  },
}

const SHORTEST = 12

/** Where one is given it is long enough, and nobody is asked for one: a key file opens the vault. Throws Problem `usage`. */
async function givenPassphrase(terminal: Terminal): Promise<Secret | undefined> {
  const { CLAUTH_PASSPHRASE, CLAUTH_PASSPHRASE_FILE } = terminal.env
  if (!CLAUTH_PASSPHRASE && !CLAUTH_PASSPHRASE_FILE) return undefined
  const passphrase = await clauthPassphrase(terminal, undefined, 'Passphrase')
  if (passphrase.length >= SHORTEST) return passphrase
  throw cliProblem('usage', { detail: `Passphrase must be at least ${SHORTEST} characters.` })
}

/** Where the door listens by itself; undefined where the agents' listener is what was asked for. */
function placeOf(flags: Flags): string | undefined {
  const [transport = 'tcp', host = '127.0.0.1'] = [flags.text('transport'), flags.text('host')]
  if (transport === 'unix') {
    const socket = flags.required('socket')
    if (socket.startsWith('/')) return `unix:${socket}`
    throw cliProblem('usage', { detail: '--socket: a whole path is wanted.' })
  }
  if (transport !== 'tcp') throw cliProblem('usage', { detail: '--transport: tcp or unix is wanted.' })
  const port = flags.number('port', 1, 65_535) ?? 4_317
  if (host !== '127.0.0.1' && host !== 'localhost' && host !== '::1') {
    throw cliProblem('usage', { detail: '--host: the door listens on this machine alone; see CLAVIGER_HOST.' })
  }
  if (port === 4_317 && host !== '::1') return undefined
  return host === '::1' ? `[::1]:${port}` : `127.0.0.1:${port}`
}

function daemonUrl(settings: Settings): string {
  const { clauthListen } = settings
  if (clauthListen === undefined) return listenerUrl(settings)
  return 'path' in clauthListen ? `unix://${clauthListen.path}` : `http://${placeText(clauthListen)}`
}
