import type { Command } from 'commander'
import type { GatewayClient } from './client.ts'
import { confirmed } from './confirmed.ts'
import { pathOf } from './path-of.ts'
import { cliProblem } from './problems.ts'
import { facts, table } from './render.ts'
import { readSecret, textOf } from './secret-source.ts'
import { say, type Terminal } from './terminal.ts'
import { seconds, wholeNumber } from './values.ts'
import { addVerb, type Invocation, type Options, type Result, type Session, secretOptions, type Verb } from './verb.ts'

interface Candidate {
  readonly user: string
  readonly chat: string
  readonly name: string
}

const LOOK_MS = 1_000

const pairing = [
  { flags: '--operator <name>', about: 'whose answers theirs are; yours if not said' },
  { flags: '--user <id>', about: 'take the person of this id without asking; a mail address for mails' },
  { flags: '--wait <time>', about: 'how long to wait for them: 30s, 5m; 10m if not said, and at most' },
]
const times = [
  {
    flags: '--quiet <hours>',
    about: `when nobody is told but of what is critical: '22:00-07:00 Europe/Berlin'; never, whatever CLAVIGER_QUIET_HOURS says`,
  },
  {
    flags: '--after <time>',
    about: 'tell of what nobody answered for so long: 5m; CLAVIGER_ESCALATE_AFTER if not said',
  },
]

const mailOptions = [
  { flags: '--host <name>', about: 'mail server, for mails' },
  { flags: '--mail-port <port>', about: '587 if not said; 465 speaks TLS from the first byte' },
  { flags: '--mail-tls <how>', about: 'implicit, starttls (if not said), or off for this machine alone' },
  { flags: '--mail-user <name>', about: 'account there; its password is asked for' },
  { flags: '--from <address>', about: 'sender' },
  { flags: '--allow <range...>', about: 'private addresses that the server may have, such as 10.0.0.0/8' },
]

const add: Verb = {
  signature: 'add <kind>',
  summary:
    'be asked in Telegram (kind: telegram): takes the token of a bot, and waits until you write to it; or by pushes (kind: push), or by mail (kind: email)',
  options: [
    { flags: '--name <name>', about: 'what to call it; its kind if not said' },
    ...mailOptions,
    ...times,
    ...pairing,
    ...secretOptions,
  ],
  examples: [
    'claviger channel add telegram                       # asks for the token without echo',
    'claviger channel add telegram --secret-file bot.token --user 123456789',
    'claviger channel add email --host smtp.example.com --mail-user claviger --from claviger@example.com --user ann@example.com',
  ],
  async run(invocation) {
    const { args, options, terminal } = invocation
    const client = invocation.operator()
    if (args[0] === 'push') return addedPush(client, options)
    if (args[0] === 'email') return addedEmail(client, invocation)
    if (args[0] !== 'telegram')
      throw cliProblem('usage', { detail: 'Channels are of the kind telegram, push or email.' })
    const token = textOf(await readSecret(options, terminal, 'Token of the bot, from @BotFather'))
    const body = { kind: 'telegram', token, name: options.name, ...timesOf(options) }
    const made = await client.ask({ method: 'POST', path: '/channels', body })
    return paired(invocation, client, made)
  },
}

/** It is seen to work before it is kept. */
async function addedEmail(client: GatewayClient, invocation: Invocation): Promise<Result> {
  const { options, terminal } = invocation
  const { host, mailUser: user, from, user: to } = options
  if (host === undefined || from === undefined || to === undefined)
    throw cliProblem('usage', {
      detail: 'A mail channel wants --host, --from and --user, the address of who is asked.',
    })
  const password =
    user === undefined ? undefined : textOf(await readSecret(options, terminal, 'Password of the mail account'))
  const port = options.mailPort === undefined ? undefined : wholeNumber(options.mailPort, '--mail-port', 1, 65_535)
  const account = { host, port, tls: options.mailTls, allow: options.allow, user, password, from }
  const body = { kind: 'email', name: options.name, ...account, ...timesOf(options) }
  const { name } = await client.ask({ method: 'POST', path: '/channels', body })
  return mailed(invocation, client, name, to)
}

/** It reaches nobody yet: pushes are switched on where they are to come. */
async function addedPush(client: GatewayClient, options: Options): Promise<Result> {
  const body = { kind: 'push', name: options.name, ...timesOf(options) }
  const json = await client.ask({ method: 'POST', path: '/channels', body })
  return { json, text: `${facts(json)}\n\nswitch it on in the operators’ pages, on each device` }
}

const pair: Verb = {
  signature: 'pair <name>',
  summary: 'add another person to a channel: waits until they write to the bot',
  options: pairing,
  async run(invocation) {
    const client = invocation.operator()
    const [name = ''] = invocation.args
    const { user } = invocation.options
    if (user?.includes('@') === true) return mailed(invocation, client, name, user)
    const channel = await client.ask({ method: 'POST', path: pathOf('channels', name, 'pair') })
    return paired(invocation, client, channel)
  },
}

/** Somebody by their mail address, who need not write first. */
async function mailed({ options }: Invocation, client: GatewayClient, name: string, user: string): Promise<Result> {
  const body = { user, operator: options.operator }
  const json = await client.ask({ method: 'POST', path: pathOf('channels', name, 'people'), body })
  const { people } = await client.ask({ method: 'POST', path: pathOf('channels', name, 'test') })
  return { json, text: `${facts(json)}\n\na test message was sent to ${people}` }
}

/** Waits for somebody, shows who it is, and takes them where that is confirmed. */
async function paired(
  { options, terminal }: Invocation,
  client: GatewayClient,
  { name, account }: { name: string; account: string },
): Promise<Result> {
  const bot = account.split(' ')[0]
  say(terminal, `Write /start to ${bot} in Telegram, in a chat of your own with it. Waiting …`)
  const waitMs = seconds(options.wait ?? '10m', '--wait', { most: '10m' }) * 1_000
  const found = await candidate(client, name, options.user, Date.now() + waitMs)
  if (found === undefined) {
    const hint = `The channel is there. \`claviger channel pair ${name}\` waits again.`
    throw cliProblem('nobody_came', { hint })
  }
  say(terminal, `${found.name}: user id ${found.user}, chat id ${found.chat}`)
  if (options.user === undefined && !(await isConfirmed(terminal, name, found)))
    throw cliProblem('not_confirmed', { hint: `\`claviger channel pair ${name}\` waits for somebody else.` })
  const body = { user: found.user, operator: options.operator }
  const json = await client.ask({ method: 'POST', path: pathOf('channels', name, 'people'), body })
  await client.ask({ method: 'POST', path: pathOf('channels', name, 'test') })
  return { json, text: `${facts(json)}\n\na test message was sent` }
}

function isConfirmed(terminal: Terminal, name: string, { user }: Candidate): Promise<boolean> {
  if (terminal.stdin.isTTY) return confirmed(terminal, 'Is that the person whose taps count?')
  const hint = `If that is the person, repeat with \`claviger channel pair ${name} --user ${user}\`.`
  throw cliProblem('not_confirmed', { hint })
}

async function candidate(
  client: GatewayClient,
  name: string,
  wanted: string | undefined,
  end: number,
): Promise<Candidate | undefined> {
  for (;;) {
    const path = pathOf('channels', name, 'candidates')
    const { items } = (await client.ask({ method: 'GET', path })) as { items: Candidate[] }
    const found = items.find(({ user }) => wanted === undefined || user === wanted)
    if (found !== undefined || Date.now() > end) return found
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

const list: Verb = {
  signature: 'list',
  summary: 'list channels, whom they reach and how they do',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/channels' })
    const columns = [
      'name',
      'kind',
      'account',
      'people',
      'quiet',
      'afterSeconds',
      'failingSince',
      'lastError',
      'foreign',
    ]
    const items = json.items.map((item: { people: { user: string; operator: string }[] }) => {
      return { ...item, people: item.people.map(({ user, operator: who }) => `${who} (${user})`).join(', ') }
    })
    return {
      json,
      text: table(items, columns, 'no channels: nobody is told, and what must be asked waits in `claviger pending`'),
    }
  },
}

const edit: Verb = {
  signature: 'edit <name>',
  summary: 'change the quiet hours of a channel, or how long others are asked before',
  options: [
    ...times,
    { flags: '--no-quiet', about: 'no hours of its own: those of CLAVIGER_QUIET_HOURS' },
    { flags: '--no-after', about: 'in its turn, as CLAVIGER_ESCALATE_AFTER says' },
  ],
  async run({ args: [name], options, operator }) {
    const body = {
      ...timesOf({ quiet: options.quiet || undefined, after: options.after || undefined }),
      ...(options.quiet === false && { quiet: null }),
      ...(options.after === false && { afterSeconds: null }),
    }
    const json = await operator().ask({ method: 'PUT', path: pathOf('channels', name), body })
    return { json, text: facts(json) }
  },
}

const trial: Verb = {
  signature: 'test <name>',
  summary: 'send a message to everybody of a channel now',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('channels', name, 'test') })
    return { json, text: `sent to ${json.people}` }
  },
}

const remove: Verb = {
  signature: 'remove <name>',
  summary: 'remove a channel: what it asked cannot be answered there any more',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('channels', name) })
    return { json, text: `removed ${name}` }
  },
}

const unpair: Verb = {
  signature: 'unpair <name> <user>',
  summary:
    'ask somebody there no more: the id or address that `channel list` shows; devices have `channel device remove`',
  async run({ args: [name, user], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('channels', name, 'people', user) })
    return { json, text: facts(json) }
  },
}

const devices: Verb = {
  signature: 'list',
  summary: 'list the devices that take pushes',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/push/devices' })
    const items = json.items.map((item: { createdAt: number }) => {
      return { ...item, since: new Date(item.createdAt).toISOString() }
    })
    const nobody = 'no devices: pushes are switched on in the operators’ pages, on the device'
    return { json, text: table(items, ['id', 'name', 'operator', 'service', 'since'], nobody) }
  },
}

const removeDevice: Verb = {
  signature: 'remove <id>',
  summary: 'push to a device no more; it stands for its operator no more',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('push', 'devices', id) })
    return { json, text: `removed ${id}` }
  },
}

function timesOf({ quiet, after }: Options) {
  return { quiet, afterSeconds: after === undefined ? undefined : seconds(after, '--after', { most: '1d' }) }
}

/** `claviger channel add | pair | unpair | list | edit | test | remove | device`. */
export function channelCommands(program: Command, session: Session): void {
  const channel = program.command('channel').description('how people are reached when something must be approved')
  for (const verb of [add, pair, unpair, list, edit, trial, remove]) addVerb(channel, session, verb)
  const device = channel.command('device').description('browsers that take pushes')
  for (const verb of [devices, removeDevice]) addVerb(device, session, verb)
}
