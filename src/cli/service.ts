import type { Command } from 'commander'
import { jsonFile } from './json-file.ts'
import { cliProblem } from './problems.ts'
import { firstOf, removed, table } from './render.ts'
import { summaryOf, withInjection } from './service-summary.ts'
import { serviceTemplateCommands } from './service-template.ts'
import { readGivenFile } from './text-file.ts'
import { pairs } from './values.ts'
import { addVerb, type Options, type Session, type Verb } from './verb.ts'

const add: Verb = {
  signature: 'add <name>',
  summary: 'describe a service: by a template (its name, unless said otherwise), by options, or by a JSON file',
  options: [
    { flags: '--template <name>', about: 'start from this bundled template' },
    { flags: '--preset <name>', about: 'the earlier word for --template' },
    { flags: '--set <name=value>', about: 'a value that the template asks for; may be repeated', many: true },
    {
      flags: '--origin <url>',
      about: 'https origin it lives on; may be repeated; *. in front is one label',
      many: true,
    },
    {
      flags: '--inject <how>',
      about:
        'bearer, header:NAME, basic[:USER], query:NAME, path:bot{secret}, template:HEADER=Bot {secret}, sigv4[:REGION/SERVICE], body, or none; if nothing is said the template’s, and none without one',
    },
    { flags: '--action <name=METHOD path>', about: 'a named action; may be repeated', many: true },
    { flags: '--path <template>', about: 'only these paths may be called; may be repeated', many: true },
    {
      flags: '--address <cidr>',
      about: 'private address or range that may be dialled for it; may be repeated',
      many: true,
    },
    { flags: '--trust <file>', about: 'PEM of whom to believe of its servers, instead of the system’s authorities' },
    { flags: '--http2 <how>', about: 'auto, as the service offers it, or off' },
    {
      flags: '--body-field <name>',
      about: 'a field of forms, or member of JSON (/a/b), in which a placeholder is replaced; may be repeated',
      many: true,
    },
    { flags: '--key-shape <shape>', about: 'what its keys look like: ghp_{36}, {64:hex}; placeholders do too' },
    {
      flags: '--key-variable <name>',
      about: 'the environment variable in which clients look for the key; may be repeated',
      many: true,
    },
    { flags: '--strict-audit', about: 'answer only after the outcome is on disk, too' },
    { flags: '--unsafe-no-scrub', about: 'do not look for the credential in answers' },
    { flags: '--unsafe-plain-http', about: 'let the credential cross the network in clear' },
    { flags: '--file <file>', about: 'a JSON description; options add to it' },
    { flags: '--replace', about: 'replace the service of that name' },
  ],
  examples: [
    'claviger service add github',
    'claviger service add tickets --origin https://tickets.example --inject header:X-Api-Key',
    `claviger service add files --origin https://files.example --inject bearer --action 'file.get=GET /files/{id}'`,
  ],
  async run({ args: [name = ''], options, operator }) {
    const body = { ...description(name, options), name }
    const json =
      options.replace === true
        ? await operator().ask({ method: 'PUT', path: `/services/${encodeURIComponent(name)}`, body })
        : await operator().ask({ method: 'POST', path: '/services', body })
    return { json, text: summaryOf(json, false) }
  },
}

const list: Verb = {
  signature: 'list',
  summary: 'list services',
  async run({ operator, terminal }) {
    const json = await operator().ask({ method: 'GET', path: '/services' })
    // biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the services room
    const items = json.items.map((item: any) => ({ ...withInjection(item), origins: firstOf(item.origins) }))
    const columns = ['name', 'id', 'origins', 'injection', 'template', 'createdAt']
    return { json, text: table(items, columns, 'no services', terminal.stdout.columns) }
  },
}

const show: Verb = {
  signature: 'show <name>',
  summary: 'show a service with its actions',
  async run({ args: [name = ''], operator, terminal }) {
    const json = await operator().ask({ method: 'GET', path: `/services/${encodeURIComponent(name)}` })
    return { json, text: summaryOf(json, true, terminal.stdout.columns) }
  },
}

const remove: Verb = {
  signature: 'remove <name>',
  summary: 'remove a service with its grants and its credentials; calls to it that run end',
  async run({ args: [name = ''], operator }) {
    const json = await operator().ask({ method: 'DELETE', path: `/services/${encodeURIComponent(name)}` })
    return { json, text: removed(name, { grant: json.grants, credential: json.credentials }) }
  },
}

/** `claviger service add | list | show | remove | template`. */
export function serviceCommands(program: Command, session: Session): void {
  const service = program.command('service').description('upstream APIs: origins, injection, named actions')
  addVerb(service, session, add)
  addVerb(service, session, list)
  addVerb(service, session, show)
  addVerb(service, session, remove)
  serviceTemplateCommands(service, session)
}

function description(name: string, options: Options): Record<string, unknown> {
  const file = options.file === undefined ? {} : jsonFile(options.file)
  const template = options.template ?? options.preset
  const implied = template === undefined && options.origin === undefined && options.file === undefined
  return {
    ...file,
    ...(implied ? { template: name } : template !== undefined && { template }),
    ...(options.set !== undefined && { set: pairs(options.set, '--set') }),
    ...(options.origin !== undefined && { origins: options.origin }),
    ...(options.inject !== undefined && { injection: injection(options.inject) }),
    ...(options.action !== undefined && { actions: actions(options.action) }),
    ...(options.path !== undefined && { paths: options.path }),
    ...(options.address !== undefined && { addresses: options.address }),
    ...(options.trust !== undefined && { trust: readGivenFile(options.trust) }),
    ...(options.http2 !== undefined && { http2: options.http2 }),
    ...(options.bodyField !== undefined && { bodyFields: options.bodyField }),
    ...placeholderOf(options),
    ...(options.strictAudit === true && { auditMode: 'strict' }),
    ...(options.unsafeNoScrub === true && { unsafeNoScrub: true }),
    ...(options.unsafePlainHttp === true && { unsafePlainHttp: true }),
  }
}

function placeholderOf({ keyShape: shape, keyVariable: variables }: Options): { placeholder?: object } {
  if (shape === undefined && variables === undefined) return {}
  return { placeholder: { ...(shape !== undefined && { shape }), ...(variables !== undefined && { variables }) } }
}

/** `bearer`, `header:NAME`, `basic[:USER]`, `query:NAME`, `path:SEGMENT`, `template:HEADER=TEXT`, `sigv4[:REGION/SERVICE]`, `none`. */
export function injection(text: string): object {
  const [, kind = '', rest] = /^([a-z0-9]+)(?::(.+))?$/.exec(text) ?? []
  if ((kind === 'bearer' || kind === 'none' || kind === 'body') && rest === undefined) return { kind }
  if (kind === 'basic') return { kind, ...(rest !== undefined && { username: rest }) }
  if ((kind === 'header' || kind === 'query') && rest !== undefined) return { kind, name: rest }
  if (kind === 'path' && rest !== undefined) return { kind, segment: rest }
  const [, region, service] = /^([^/]+)\/([^/]+)$/.exec(rest ?? '') ?? []
  if (kind === 'sigv4' && rest === undefined) return { kind }
  if (kind === 'sigv4' && region !== undefined && service !== undefined) return { kind, region, service }
  const [, name, template] = /^([^=]+)=(.+)$/.exec(kind === 'template' ? (rest ?? '') : '') ?? []
  if (name !== undefined && template?.includes('{secret}')) return { kind, name, template }
  throw cliProblem('usage', {
    detail:
      '--inject: bearer, header:NAME, basic, basic:USER, query:NAME, path:bot{secret}, template:HEADER=Bot {secret}, sigv4, sigv4:REGION/SERVICE, body, or none is wanted; hmac is described in a file.',
  })
}

/** `name=METHOD /path/{template}` as an action; scopes, risk and query need a JSON file. */
export function actions(texts: readonly string[]): Record<string, { method: string; path: string }> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, method, path] = /^([^=\s]+)=([A-Za-z]+) +(\/\S*)$/.exec(text) ?? []
      if (name === undefined || method === undefined || path === undefined) {
        throw cliProblem('usage', { detail: `--action: 'name=METHOD /path' is wanted.` })
      }
      return [name, { method: method.toUpperCase(), path }]
    }),
  )
}
