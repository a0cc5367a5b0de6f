import type { Command } from 'commander'
import type { ServiceTemplate } from '../services/service-template.ts'
import { type ExitCode, exitCode } from './exit-codes.ts'
import { jsonFile } from './json-file.ts'
import { cliProblem } from './problems.ts'
import { facts, table } from './render.ts'
import { injectionText, summaryOf } from './service-summary.ts'
import { pairs } from './values.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

/** The templates and what reads one, loaded by the commands that want them: every other would wait for forty files. */
const catalogue = () => import('../services/templates/catalogue.ts')
const checker = () => import('../services/check-template.ts')
const summaries = () => import('../services/template-summary.ts')

const list: Verb = {
  signature: 'list',
  summary: 'list the bundled templates',
  async run({ terminal }) {
    const [{ templates }, { templateSummary }] = await Promise.all([catalogue(), summaries()])
    const items = templates.map(templateSummary)
    const columns = ['name', 'aliases', 'title', 'injection', 'actions', 'unverified']
    return { json: { items }, text: table(items, columns, 'none', terminal.stdout.columns) }
  },
}

const show: Verb = {
  signature: 'show <template>',
  summary: 'show a template, bundled or from a file: what it is about, and each action with its page',
  async run({ args: [name = ''], terminal }) {
    const template = await templateOf(name)
    return { json: template, text: describe(template, terminal.stdout.columns) }
  },
}

const load: Verb = {
  signature: 'load <template>',
  summary: 'make a service of a template: the name of a bundled one, or a file (with a / or ending in .json)',
  options: [
    { flags: '--name <name>', about: 'what the service is called; the name of the template unless said otherwise' },
    { flags: '--set <name=value>', about: 'a value that the template asks for; may be repeated', many: true },
    { flags: '--origin <url>', about: 'an origin instead of those of the template; may be repeated', many: true },
    {
      flags: '--address <cidr>',
      about: 'private address or range that may be dialled for it; may be repeated',
      many: true,
    },
    { flags: '--replace', about: 'replace the service of that name' },
  ],
  examples: [
    'claviger service template load github',
    'claviger service template load shopify --set shop=acme',
    'claviger service template load ./tickets.json --name work-tickets',
  ],
  async run({ args: [given = ''], options, operator }) {
    const template = await templateOf(given)
    const name: string = options.name ?? template.name
    const body = {
      name,
      template: isFile(given) ? template : given,
      ...(options.set !== undefined && { set: pairs(options.set, '--set') }),
      ...(options.origin !== undefined && { origins: options.origin }),
      ...(options.address !== undefined && { addresses: options.address }),
    }
    const json =
      options.replace === true
        ? await operator().ask({ method: 'PUT', path: `/services/${encodeURIComponent(name)}`, body })
        : await operator().ask({ method: 'POST', path: '/services', body })
    return { json, text: summaryOf(json, false) }
  },
}

const validate: Verb = {
  signature: 'validate <file>',
  summary: 'look whether a file is a template, and name all that is wrong with it',
  async run({ args: [path = ''] }) {
    const [{ checkTemplate }, { templateSummary }] = await Promise.all([checker(), summaries()])
    const { template, issues } = checkTemplate(jsonFile(path))
    if (template !== undefined) {
      const { name, actions, unverified } = templateSummary(template)
      const text = `${path} is a template: ${name}, ${actions} actions, ${unverified} of them unverified`
      return { json: { valid: true, name, actions, unverified }, text }
    }
    const lines = issues.flatMap(({ at, wrong, hint }) => [
      `  ${at === '' ? 'the template' : at}: ${wrong}`,
      ...(hint === undefined ? [] : [`    hint: ${hint}`]),
    ])
    const more = `What may stand there: docs/service-template.schema.json; \`claviger service template show github\` is one as it should be.`
    const text = [`${path} is no template:`, ...lines, more].join('\n')
    const code: ExitCode = exitCode.refused
    return { json: { valid: false, issues }, text, code }
  },
}

const diff: Verb = {
  signature: 'diff <service>',
  summary: 'say in what a service here differs from its template; ends with 1 where it does',
  options: [{ flags: '--template <template>', about: 'compare with this one: a bundled name or a file' }],
  examples: [
    'claviger service template diff work-github',
    'claviger service template diff tickets --template ./tickets.json',
  ],
  async run({ args: [name = ''], options, operator }) {
    const given: string | undefined = options.template
    const template = given === undefined || !isFile(given) ? given : await templateOf(given)
    const path = `/services/${encodeURIComponent(name)}/template-diff`
    const json = await operator().ask({ method: 'POST', path, body: { ...(template !== undefined && { template }) } })
    if (json.differences.length === 0) return { json, text: `${json.service} is as the template ${json.template} says` }
    const text = table(json.differences, ['member', 'service', 'template'])
    return { json, text, code: exitCode.refused }
  },
}

/** `claviger service template list | show | load | validate | diff`. */
export function serviceTemplateCommands(service: Command, session: Session): void {
  const template = service.command('template').description('what services are made of: bundled, or files of your own')
  for (const verb of [list, show, load, validate, diff]) addVerb(template, session, verb)
}

function isFile(given: string): boolean {
  return given.includes('/') || given.endsWith('.json')
}

/** Throws Problem `service_template_unknown`, and `service_template_invalid` with the first thing that is wrong. */
async function templateOf(given: string): Promise<ServiceTemplate> {
  if (!isFile(given)) return (await catalogue()).findTemplate(given)
  const { template, issues } = (await checker()).checkTemplate(jsonFile(given))
  if (template !== undefined) return template
  const { at, wrong } = issues[0]
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  throw cliProblem('service_template_invalid', { detail: `${at === '' ? given : `${given}, ${at}`}: ${wrong}${more}.` })
}

function describe(template: ServiceTemplate, width: number | undefined): string {
  const { $schema: _, actions, scopes, injection, variables, credential, probe, llm, ...rest } = template
  const head = facts({
    ...rest,
    injection: injectionText(injection),
    ...(credential && { credential: credential.about }),
    ...(variables && { set: Object.entries(variables).map(([name, { about }]) => `${name} (${about})`) }),
    ...(probe && {
      probe: `${probe.method} ${probe.path} → ${probe.pointer}${probe.unverified ? ' (unverified)' : ''}`,
    }),
    ...(llm && { llm: `${llm.vendor} ${llm.api}` }),
  })
  const scopeRows = Object.entries(scopes).map(([scope, gives]) => ({ scope, gives }))
  const rows = Object.entries(actions).map(([action, { unverified, ...item }]) => ({
    action,
    ...item,
    checked: unverified === true ? 'no' : 'yes',
  }))
  const columns = ['action', 'method', 'path', 'scopes', 'class', 'risk', 'checked', 'page']
  const [scopeTable, actionTable] = [
    table(scopeRows, ['scope', 'gives'], 'none', width),
    table(rows, columns, 'none', width),
  ]
  return [head, scopeTable, actionTable].join('\n\n')
}
