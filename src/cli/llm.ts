import type { Command } from 'commander'
import { llmUseCommands } from './llm-use.ts'
import { pathOf } from './path-of.ts'
import { facts, table } from './render.ts'
import { readSecret, textOf } from './secret-source.ts'
import { seconds } from './values.ts'
import { addVerb, type Session, secretOptions, type Verb } from './verb.ts'

const once = 'the token is not shown again'

const addKey: Verb = {
  signature: 'add <vendor>',
  summary: 'seal a key of an LLM vendor; with a tag it serves bots with that tag alone',
  options: [
    { flags: '--tag <tag>', about: 'whom it serves; everybody if not said' },
    {
      flags: '--region <region>',
      about: 'where it is good, at vendors with several (llm vendor list); the first of them if not said',
    },
    { flags: '--label <text>', about: 'what people call it' },
    { flags: '--handle <handle>', about: 'its name here and in the vault; openai-1, openai-2 … if not said' },
    ...secretOptions,
  ],
  examples: [
    'claviger llm key add openai --tag prod',
    'pass show anthropic | claviger llm key add anthropic --secret-stdin',
  ],
  async run({ args: [vendor], options: { tag, region, label, handle, ...options }, operator, terminal }) {
    const client = operator()
    const secret = textOf(await readSecret(options, terminal, `Key of ${vendor}`))
    const json = await client.ask({
      method: 'POST',
      path: '/llm/keys',
      body: { vendor, tag, region, label, handle, secret },
    })
    return { json, text: facts(json) }
  },
}

const listKeys: Verb = {
  signature: 'list',
  summary: 'list keys of LLM vendors, never their secrets, and which of them rest',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/llm/keys' })
    const columns = [
      'handle',
      'vendor',
      'region',
      'tag',
      'label',
      'status',
      'answered',
      'restSeconds',
      'heldFrom',
      'createdAt',
    ]
    return { json, text: table(json.items, columns, 'no keys') }
  },
}

const removeKey: Verb = {
  signature: 'remove <key>',
  summary: 'remove a key, by its handle, its id or a label that it has alone; calls that run with it end',
  async run({ args: [handle], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('llm', 'keys', handle) })
    return { json, text: `removed ${handle}` }
  },
}

const takeBack: Verb = {
  signature: 'take-back <key>',
  summary: 'use a key again that its vendor refused, by its handle, its id or a label that it has alone',
  async run({ args: [handle], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('llm', 'keys', handle, 'take-back') })
    return { json, text: facts(json) }
  },
}

const many = (flags: string, about: string) => ({ flags, about: `${about}; may be repeated`, many: true }) as const
const bounds = [
  many('--tag <tag>', 'keys with this tag, before those without one'),
  many('--vendor <vendor>', 'this vendor and no other'),
  many('--model <model>', 'this model and no other; * at its end for any that begins so'),
  many('--path <path>', "a path that is open besides those that are to everybody: 'GET /files', '/files/*'"),
  { flags: '--any-key', about: 'a key with any tag will do where there is none of its own' },
  { flags: '--ttl <time>', about: 'how long it may call: 12h, 30d' },
]

function limitsOf({ tag, vendor, model, path, anyKey, ttl }: Readonly<Record<string, unknown>>) {
  const life = ttl === undefined ? undefined : Date.now() + seconds(ttl as string, '--ttl') * 1_000
  return { tags: tag, vendors: vendor, models: model, paths: path, anyKey, expiresAt: life }
}

const addBot: Verb = {
  signature: 'add <name>',
  summary: 'let an agent call LLM vendors (--agent), or make a bot with a token of its own, shown once',
  options: [{ flags: '--agent <agent>', about: 'an agent that is there, by name or id' }, ...bounds],
  examples: [
    'claviger llm bot add writer --vendor anthropic --model "claude-*"',
    'claviger llm bot add coder --agent coder',
  ],
  async run({ args: [name], options: { agent, ...options }, operator }) {
    const body = { name, agent, limits: limitsOf(options) }
    const json = await operator().ask({ method: 'POST', path: '/llm/bots', body })
    return { json, text: json.token === undefined ? facts(json) : `${facts(json)}\n\n${once}` }
  },
}

const setBot: Verb = {
  signature: 'set <name>',
  summary: 'bound a bot, from its next request on; what is not said stays',
  options: [...bounds, many('--open <kind>', 'take a bound away: tags, vendors, models, paths, expiresAt')],
  async run({ args: [name], options: { open, ...options }, operator }) {
    const opened = Object.fromEntries(((open as string[] | undefined) ?? []).map((kind) => [kind, null]))
    const body = { ...limitsOf(options), ...opened }
    const json = await operator().ask({ method: 'PUT', path: pathOf('llm', 'bots', name), body })
    return { json, text: facts(json) }
  },
}

const listBots: Verb = {
  signature: 'list',
  summary: 'list bots and what bounds them',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/llm/bots' })
    const columns = ['name', 'agent', 'hostname', 'tags', 'vendors', 'models', 'paths', 'expiresAt']
    return { json, text: table(json.items, columns, 'no bots') }
  },
}

const removeBot: Verb = {
  signature: 'remove <name>',
  summary: 'remove a bot: its token, and the agent that was made for it, are dead',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('llm', 'bots', name) })
    return { json, text: `removed ${name}` }
  },
}

const renewToken: Verb = {
  signature: 'token <name>',
  summary: 'a new token for a bot, shown once; the one before is dead at once',
  async run({ args: [name], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('llm', 'bots', name, 'token') })
    return { json, text: `${facts(json)}\n\n${once}` }
  },
}

const listVendors: Verb = {
  signature: 'list',
  summary: 'list LLM vendors and which service each is',
  async run({ operator }) {
    const json = await operator().ask({ method: 'GET', path: '/llm/vendors' })
    const columns = ['id', 'service', 'basePath', 'api', 'group', 'regions', 'keys', 'keyHint', 'defaultModel']
    return { json, text: table(json.items, columns, 'no vendors') }
  },
}

const setVendor: Verb = {
  signature: 'set <vendor>',
  summary: 'say which service a vendor is, and what stands before the paths of its clients; or name another vendor',
  options: [
    { flags: '--service <name>', about: 'the service', required: true },
    { flags: '--base-path <path>', about: 'for example /v1; nothing if not said' },
    {
      flags: '--api <api>',
      about: 'openai-completions (if not said), openai-responses, anthropic-messages, google-gemini',
    },
  ],
  async run({ args: [vendor], options, operator }) {
    const { service, basePath = '', api = 'openai-completions' } = options
    const body = { service, basePath, api }
    const json = await operator().ask({ method: 'PUT', path: pathOf('llm', 'vendors', vendor), body })
    return { json, text: facts(json) }
  },
}

const resetVendor: Verb = {
  signature: 'reset <vendor>',
  summary: 'forget what was said of a vendor',
  async run({ args: [vendor], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: pathOf('llm', 'vendors', vendor) })
    return { json, text: `reset ${vendor}` }
  },
}

const adminToken: Verb = {
  signature: 'admin-token',
  summary: 'a new admin token for BotMaker’s administration, shown once; no other is good any more',
  async run({ operator }) {
    const json = await operator().ask({ method: 'POST', path: '/llm/admin-token' })
    return { json, text: `${facts(json)}\n\n${once}` }
  },
}

/** `claviger llm key | bot | vendor | budget | price | usage | admin-token`. */
export function llmCommands(program: Command, session: Session): void {
  const llm = program.command('llm').description('keys of LLM vendors, the bots that may use them, and what they used')
  const key = llm.command('key').description('keys of LLM vendors')
  for (const verb of [addKey, listKeys, removeKey, takeBack]) addVerb(key, session, verb)
  const bot = llm.command('bot').description('agents that may call LLM vendors')
  for (const verb of [addBot, setBot, listBots, removeBot, renewToken]) addVerb(bot, session, verb)
  const vendor = llm.command('vendor').description('which service a vendor is')
  for (const verb of [listVendors, setVendor, resetVendor]) addVerb(vendor, session, verb)
  addVerb(llm, session, adminToken)
  llmUseCommands(llm, session)
}
