import type { Command } from 'commander'
import { pathOf } from './path-of.ts'
import { facts, table } from './render.ts'
import { seconds } from './values.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const once = 'the secret is not shown again'

const add: Verb = {
  signature: 'add <url>',
  summary: 'be told of events at this address; the secret that signs them is printed once',
  options: [
    {
      flags: '--event <name>',
      about: 'an event, a family such as agent.*, or * (which is what it gets if not said); may be repeated',
      many: true,
    },
    { flags: '--min-severity <severity>', about: 'info (if not said), warning or critical' },
    { flags: '--kind <kind>', about: 'standard (if not said), or clawauth: signed in that dialect too' },
    {
      flags: '--address <cidr>',
      about: 'private address or range that may be dialled for it; may be repeated',
      many: true,
    },
  ],
  examples: [
    'claviger webhook add https://hooks.example.com/claviger --min-severity warning',
    `claviger webhook add https://siem.example.com/in --event 'security.*' --event vault.sealed`,
    'claviger webhook add http://127.0.0.1:9000/hook --address 127.0.0.1',
  ],
  async run({ args: [url], options, operator }) {
    const { event = ['*'], minSeverity, kind, address: addresses } = options
    const body = { url, events: event, minSeverity, kind, addresses }
    const json = await operator().ask({ method: 'POST', path: '/webhooks', body })
    return { json, text: `${facts(json)}\n\n${once}` }
  },
}

const list: Verb = {
  signature: 'list',
  summary: 'list webhooks and how their deliveries go',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/webhooks' })
    const columns = ['id', 'url', 'events', 'minSeverity', 'owner', 'status', 'pending', 'deadLetters', 'failing']
    return { json, text: table(json.items, columns, 'no webhooks') }
  },
}

const show: Verb = {
  signature: 'show <id>',
  summary: 'show a webhook and how its deliveries go',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'GET', path: pathOf('webhooks', id) })
    return { json, text: facts(json) }
  },
}

const remove: Verb = {
  signature: 'remove <id>',
  summary: 'remove a webhook, what waits for it, and its dead letters',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('webhooks', id) })
    return { json, text: `removed ${id}` }
  },
}

const statusVerb = (word: 'enable' | 'disable', summary: string): Verb => ({
  signature: `${word} <id>`,
  summary,
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('webhooks', id, word) })
    return { json, text: `${id} is ${json.status}` }
  },
})

const trial: Verb = {
  signature: 'test <id>',
  summary: 'send a webhook.test event now and say how it went; exit code 1 if it was not taken',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('webhooks', id, 'test') })
    if (json.delivered) return { json, text: `delivered ${json.id} (${json.status})` }
    return { json, text: `not delivered: ${json.error}`, code: 1 }
  },
}

const rotate: Verb = {
  signature: 'rotate <id>',
  summary: 'make a new secret, printed once; for a time the old one signs too',
  options: [
    { flags: '--overlap <time>', about: 'for how long: 30m, 12h; a day if not said, 7d at most' },
    { flags: '--no-overlap', about: 'end the old secret at once' },
  ],
  async run({ args: [id], options, operator }) {
    const { overlap } = options
    const given = typeof overlap === 'string' ? seconds(overlap, '--overlap', { most: '7d' }) : undefined
    const body = { overlapSeconds: overlap === false ? 0 : given }
    const json = await operator().ask({ method: 'POST', path: pathOf('webhooks', id, 'rotate'), body })
    return { json, text: `${facts(json)}\n\n${once}` }
  },
}

const deadLetters: Verb = {
  signature: 'dead-letters [id]',
  summary: 'list deliveries that were given up, of one webhook or of all',
  async run({ args: [id], operator }) {
    const query = id === undefined ? '' : `?webhook=${encodeURIComponent(id)}`
    const json = await operator().ask({ method: 'GET', path: `/webhooks/dead-letters${query}` })
    const columns = ['id', 'webhook', 'event', 'eventId', 'attempts', 'error', 'createdAt', 'deadAt']
    return { json, text: table(json.items, columns, 'no dead letters') }
  },
}

const replay: Verb = {
  signature: 'replay <id>',
  summary: 'take a dead letter up again; with the id of a webhook, all of that webhook',
  async run({ args: [id], operator }) {
    const path = pathOf('webhooks', 'dead-letters', id, 'replay')
    const json = await operator().ask({ method: 'POST', path })
    return { json, text: `${json.replayed} taken up again` }
  },
}

/** `claviger webhook add | list | show | remove | enable | disable | test | rotate | dead-letters | replay`. */
export function webhookCommands(program: Command, session: Session): void {
  const webhook = program.command('webhook').description('who is told of what happens: signed, tried again, never lost')
  const enable = statusVerb('enable', 'deliver to a webhook again')
  const disable = statusVerb('disable', 'tell a webhook nothing new; what waits for it waits on')
  for (const verb of [add, list, show, remove, enable, disable, trial, rotate, deadLetters, replay]) {
    addVerb(webhook, session, verb)
  }
}
