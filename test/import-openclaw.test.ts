// Importing an installation of OpenClaw.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { keyOf, openClawHome } from './instruments/openclaw-home.ts'
import { picture } from './instruments/picture.ts'
import { anthropic, github, openai, plain, slack } from './instruments/planted-secrets.ts'

interface Told {
  readonly secrets: readonly {
    file: string
    place: string
    service: string
    action: string
    handle?: string
    why?: string
  }[]
  readonly remarks: readonly { file: string; place?: string; why: string }[]
  readonly journal: string
  readonly replaced: readonly string[]
  readonly next: readonly string[]
}

describe('claviger import openclaw', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-openclaw-'))
  let gateway: Gateway
  before(async () => {
    gateway = await Gateway.start()
    const tickets = { name: 'tickets', origins: ['https://tickets.example'], injection: { kind: 'bearer' } }
    await gateway.does('POST', '/services', tickets)
  })
  after(async () => {
    await gateway[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  const json = async (line: string, code = 0): Promise<Told> =>
    JSON.parse((await asOperator(gateway, `${line} --json`, code)).stdout)

  test('finds every key of both generations, says whose it is, and touches nothing', async () => {
    const state = join(mkdtempSync(join(folder, 'a-')), '.openclaw')
    openClawHome(state)
    const before = picture(state)
    const told = await json(`import openclaw ${state}`)
    assert.deepEqual(picture(state), before)
    const rows = told.secrets.map(({ file, place, service, action }) => [
      file.slice(state.length + 1),
      place,
      service,
      action,
    ])
    const store = 'would be stored'
    const keep = 'would be stored, stays in the file'
    assert.deepEqual(rows.map((row) => row.join(' | ')).sort(), [
      `.env | OPENAI_API_KEY | openai (new) | ${store}`,
      `agents/main/agent/openclaw-agent.sqlite | profiles.anthropic:default.key | anthropic (new) | ${keep}`,
      `agents/main/agent/openclaw-agent.sqlite | profiles.github:main.token | github (new) | ${keep}`,
      `agents/old/agent/auth-profiles.json | profiles.anthropic:default.key | anthropic (new) | ${store}`,
      `agents/old/agent/auth-profiles.json | profiles.github:bot.token | github (new) | ${store}`,
      `agents/old/agent/auth.json | openai.apiKey | openai (new) | ${keep}`,
      `channels.json5 | channels.slack.accounts.work.botToken | slack (new) | ${store}`,
      `openclaw.json | env.vars.STRIPE_API_KEY | stripe (new) | ${keep}`,
      `openclaw.json | mcp.servers.gh.env.GITHUB_TOKEN | github (new) | ${store}`,
      `openclaw.json | mcp.servers.web.headers.Authorization | tickets | ${store}`,
      `openclaw.json | models.providers.google.apiKey | gemini (new) | ${store}`,
      'openclaw.json | models.providers.mine.apiKey | unknown | stays',
      `openclaw.json | models.providers.openai.apiKey | openai (new) | ${store}`,
      `state/openclaw.sqlite | profiles.model-account:personal:me:1.key | slack (new) | ${keep}`,
      `state/openclaw.sqlite | profiles.openai:shared.key | openai (new) | ${keep}`,
      `state/openclaw.sqlite | secret_store_entries TICKETS | tickets | ${keep}`,
    ])
    const all = JSON.stringify(told)
    for (const secret of [openai, anthropic, github, slack, plain]) assert.ok(!all.includes(secret))
  })

  test('tells what stays OpenClaw’s, and every file that still holds a key', async () => {
    const state = join(mkdtempSync(join(folder, 'b-')), '.openclaw')
    openClawHome(state)
    const { remarks } = await json(`import openclaw ${state}`)
    const told = new Map(
      remarks.map(({ file, place, why }) => [[file.slice(state.length + 1), place].join(' ').trim(), why]),
    )
    const expected: readonly [where: string, why: RegExp][] = [
      ['openclaw.json gateway.auth.token', /own/],
      ['openclaw.json hooks.token', /own/],
      ['channels.json5 channels.slack.accounts.work.signingSecret', /own/],
      ['channels.json5 channels.telegram.tokenFile', /file/],
      ['state/openclaw.sqlite secret_store_entries GONE_TOKEN', /deleted/],
      ['state/openclaw.sqlite mcp_oauth_stores web-1', /OAuth/],
      ['state/openclaw.sqlite device_auth_tokens', /own/],
      ['agents/main/agent/openclaw-agent.sqlite profiles.openai-codex:me', /OAuth/],
      ['credentials/oauth.json github', /OAuth/],
      ['openclaw.json.bak', /in the clear: .*models\.providers\.openai\.apiKey/],
      ['agents/main/sessions/1.jsonl', /in the clear: /],
      ['agents/main/agent/models.json', /holds none/],
    ]
    for (const [where, why] of expected) assert.match(told.get(where) ?? 'not told', why, where)
  })

  test('writes what OpenClaw understands, a plan for its databases, and undoes the files', async () => {
    const state = join(mkdtempSync(join(folder, 'c-')), '.openclaw')
    const files = openClawHome(state)
    const read = (name: string) => readFileSync(join(state, name), 'utf8')
    const done = await json(`import openclaw ${state} --write`)
    const variable = (place: string) => {
      const { handle = '' } = done.secrets.find((one) => one.place === place) ?? {}
      return `CLAVIGER_${handle.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`
    }
    const put = (place: string) => `"\${${variable(place)}}"`
    const bearer = put('mcp.servers.web.headers.Authorization').replace('"', '"Bearer ')
    const expected = (files['openclaw.json'] ?? '')
      .replace(`'${openai}'`, put('models.providers.openai.apiKey'))
      .replace(`'${keyOf('gemini')}'`, put('models.providers.google.apiKey'))
      .replace(`"${github}"`, put('mcp.servers.gh.env.GITHUB_TOKEN'))
      .replace(`'Bearer ${keyOf('tickets')}'`, bearer)
    assert.equal(read('openclaw.json'), expected)
    assert.ok(read('channels.json5').includes(`botToken: ${put('channels.slack.accounts.work.botToken')}`))
    const old = JSON.parse(read('agents/old/agent/auth-profiles.json')).profiles
    const ref = (id: string) => ({ source: 'env', provider: 'default', id })
    assert.deepEqual(old['github:bot'].token, ref(variable('profiles.github:bot.token')))
    assert.ok(done.next.some((line) => line.includes(variable('profiles.github:bot.token'))))

    const name = `${done.journal}.openclaw-plan.json`
    const plan = JSON.parse(readFileSync(join(gateway.home, 'imports', name), 'utf8'))
    assert.deepEqual(
      plan.targets.map((one: { agentId: string; path: string }) => `${one.agentId} ${one.path}`).sort(),
      [
        'main profiles.anthropic:default.key',
        'main profiles.github:main.token',
        'main profiles.openai:shared.key',
        'old profiles.openai:shared.key',
      ],
    )
    assert.deepEqual(plan.targets.at(-1).ref.source, 'env')
    await json(`import undo ${done.journal}`)
    for (const [name, text] of Object.entries(files)) assert.equal(read(name), text, name)
  })

  test('goes on with broken files, and does not leave the folder of the configuration', async () => {
    const state = join(mkdtempSync(join(folder, 'd-')), '.openclaw')
    mkdirSync(join(state, 'state'), { recursive: true })
    mkdirSync(join(state, 'agents', 'main', 'agent'), { recursive: true })
    writeFileSync(join(state, '..', 'outside.json'), `{ apiKey: '${openai}' }`)
    writeFileSync(join(state, 'a.json5'), `{ $include: ['./b.json5', './loop.json5'] }`)
    writeFileSync(join(state, 'b.json5'), `{ github: { token: '${github}' } }`)
    writeFileSync(join(state, 'bad.json5'), `{ apiKey: '${openai}`)
    symlinkSync('loop.json5', join(state, 'loop.json5'))
    writeFileSync(
      join(state, 'openclaw.json'),
      `{ $include: './a.json5', models: { $include: ['./bad.json5', '../outside.json', './a.json5'] } }`,
    )
    writeFileSync(join(state, 'state', 'openclaw.sqlite'), 'no database')
    writeFileSync(join(state, 'agents', 'main', 'agent', 'auth-profiles.json'), '[1,')
    const told = await json(`import openclaw ${state}`, 3)
    assert.deepEqual(
      told.secrets.map(({ place }) => place),
      ['github.token'],
    )
    const failed = told.remarks.map(({ file, why }) => `${file.split('/').at(-1)}: ${why.replaceAll(`${state}/`, '')}`)
    for (const line of [
      'loop.json5: loop.json5 is a link that leads back to itself (ELOOP).',
      'bad.json5: bad.json5 is not JSON (line 1).',
      'outside.json: lies outside the configuration’s folder',
      'openclaw.sqlite: state/openclaw.sqlite is not a database that can be read.',
      'auth-profiles.json: agents/main/agent/auth-profiles.json is not JSON (line 1).',
    ])
      assert.ok(
        failed.some((one) => one.endsWith(line) || one === line),
        `${line}\n${failed.join('\n')}`,
      )
    assert.ok(!JSON.stringify(told).includes(openai))
    assert.match(
      (await asOperator(gateway, `import openclaw ${join(state, 'none')}`, 64)).stderr,
      /\[file_unreadable\]/,
    )
  })
})
