// Importing secrets from files, through the command line and a real gateway.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator, runs } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { picture } from './instruments/picture.ts'
import { anthropic, github, openai, plain, slack, stripe } from './instruments/planted-secrets.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-import-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** A file in a folder of its own, with these lines. */
function fileOf(lines: readonly string[], name = '.env'): string {
  const path = join(mkdtempSync(join(folder, 'case-')), name)
  writeFileSync(path, lines.join('\n'), { mode: 0o600 })
  return path
}

interface Credential {
  readonly handle: string
  readonly serviceName: string
  readonly meta: Readonly<Record<string, string>>
}

describe('claviger import env', () => {
  let gateway: Gateway
  before(async () => {
    gateway = await Gateway.start()
  })
  after(() => gateway[Symbol.asyncDispose]())

  const json = async (line: string, code = 0) => JSON.parse((await asOperator(gateway, `${line} --json`, code)).stdout)
  const credentials = async () => (await gateway.does<{ items: Credential[] }>('GET', '/credentials')).items
  const imported = async (journal: string) =>
    (await credentials()).filter(({ meta }) => meta['import-journal'] === journal)

  test('touches nothing without --write, here or at the gateway, and says no secret', async () => {
    const path = fileOf([`GITHUB_TOKEN=${github}`, 'PORT=3000', `export OPENAI_API_KEY="${openai}" # main`, ''])
    const before = picture(join(path, '..'))
    const status = await gateway.does<{ epoch: number; counts: object }>('GET', '/status')
    const ended = await asOperator(gateway, `import env ${path}`)
    assert.match(ended.stdout, /:1 +GITHUB_TOKEN +github \(new\) +would be stored +github-token/)
    assert.match(ended.stdout, /:3 +OPENAI_API_KEY +openai \(new\) +would be stored +openai-api-key/)
    for (const secret of [github, openai]) assert.ok(!`${ended.stdout}${ended.stderr}`.includes(secret))
    assert.deepEqual(picture(join(path, '..')), before)
    const now = await gateway.does<{ epoch: number; counts: object }>('GET', '/status')
    assert.deepEqual([now.epoch, now.counts], [status.epoch, status.counts])
    assert.ok(!readdirSync(gateway.home).includes('imports'))
  })

  test('does its dry run without a gateway', async () => {
    const path = fileOf([`GITHUB_TOKEN=${github}`])
    const env = { CLAVIGER_HOME: join(folder, 'nowhere') }
    const dry = JSON.parse((await runs(`import env ${path} --json`, env)).stdout)
    assert.equal(dry.gateway, 'not running')
    // The templates are on this machine, gateway or not.
    assert.deepEqual(dry.secrets[0].service, 'github (new)')
    assert.equal(dry.secrets[0].action, 'would be stored')
    assert.match((await runs(`import env ${path} --write`, env, 69)).stderr, /\[gateway_not_running\]/)
  })

  test('does its dry run without an operator token, and says that the vault was not asked', async () => {
    const path = fileOf([`GITHUB_TOKEN=${github}`, `BILLING_TOKEN=${plain}t`])
    const env = { CLAVIGER_HOME: gateway.home }
    const dry = JSON.parse((await runs(`import env ${path} --json`, env)).stdout)
    assert.equal(dry.gateway, 'no operator token')
    const told = dry.secrets.map((one: Record<string, string>) => [one.place, one.service, one.action])
    assert.deepEqual(told, [
      ['GITHUB_TOKEN', 'github (new)', 'would be stored'],
      ['BILLING_TOKEN', 'unknown', 'stays'],
    ])
    assert.match((await runs(`import env ${path}`, env)).stdout, /CLAVIGER_OPERATOR_TOKEN/)
    assert.match((await runs(`import env ${path} --write`, env, 77)).stderr, /\[operator_token_missing\]/)
  })

  test('stores each secret once, puts pointers in their places, and undoes it byte for byte', async () => {
    const lines = [
      '\ufeff# mine',
      `GITHUB_TOKEN=${github}\r`,
      `GH_TOKEN='${github}'`,
      `  export STRIPE_KEY="${stripe}" # pay`,
    ]
    const path = fileOf([...lines, 'PORT=3000', 'OPENAI_API_KEY=$OTHER', 'ANTHROPIC_API_KEY=your-key-here'])
    chmodSync(path, 0o640)
    const before = readFileSync(path)
    const done = await json(`import env ${path} --write`)
    const after = ['\ufeff# mine', '# claviger: GITHUB_TOKEN is credential github-token of service github\r']
    after.push('# claviger: GH_TOKEN is credential github-token of service github')
    after.push('  # claviger: STRIPE_KEY is credential stripe-key of service stripe # pay')
    after.push('PORT=3000', 'OPENAI_API_KEY=$OTHER', 'ANTHROPIC_API_KEY=your-key-here')
    assert.equal(readFileSync(path, 'utf8'), after.join('\n'))
    assert.equal(statSync(path).mode & 0o777, 0o640)
    const stored = (await imported(done.journal)).map(({ handle, serviceName }) => `${handle} ${serviceName}`)
    assert.deepEqual(stored, ['github-token github', 'stripe-key stripe'])

    const undone = await json(`import undo ${done.journal}`)
    assert.deepEqual([undone.restored, undone.kept], [[path], ['github-token', 'stripe-key']])
    assert.ok(readFileSync(path).equals(before))
    assert.equal(statSync(path).mode & 0o777, 0o640)
    assert.deepEqual((await json(`import undo ${done.journal}`)).untouched, [path])
    assert.deepEqual((await json(`import undo ${done.journal} --remove`)).removed, ['github-token', 'stripe-key'])
    assert.deepEqual(await imported(done.journal), [])
    assert.deepEqual(readdirSync(join(path, '..')), ['.env'])
  })

  test('keeps nothing in the clear: not in the journal, not in the home, not in the log', async () => {
    const path = fileOf([`SLACK_BOT_TOKEN=${slack}`])
    const { journal } = await json(`import env ${path} --write`)
    const files = Object.keys(picture(gateway.home)).map((name) => join(gateway.home, name))
    const readable = files.filter((file) => lstatSync(file).isFile())
    assert.ok(readable.some((file) => file.endsWith(`${journal}.journal`)))
    for (const file of readable) {
      assert.ok(!readFileSync(file).includes(slack), file)
      assert.equal(lstatSync(file).mode & 0o077, 0, file)
    }
    await json(`import undo ${journal}`)
    const opened = await json('audit tail --type key.import_opened')
    assert.ok(JSON.stringify(opened).includes(journal))
  })

  test('undoes after a restart of the gateway, and not while the vault is sealed', async () => {
    const path = fileOf([`TICKETS_TOKEN=${plain}r`])
    const { journal } = await json(`import env ${path} --service TICKETS_TOKEN=slack --write`)
    await gateway.restart()
    await gateway.does('POST', '/seal')
    assert.match((await asOperator(gateway, `import undo ${journal}`, 1)).stderr, /\[vault_sealed\]/)
    assert.ok(!readFileSync(path, 'utf8').includes(plain))
    await gateway.does('POST', '/unseal', { keyFile: true })
    assert.deepEqual((await json(`import undo ${journal}`)).restored, [path])
  })

  test('knows a secret again that it imported before, also in another file, and not one that was rotated', async () => {
    const [first, second] = [fileOf([`ANTHROPIC_API_KEY=${anthropic}`]), fileOf([`CLAUDE_KEY=${anthropic}`])]
    const { journal } = await json(`import env ${first} --write`)
    const [planned] = (await json(`import env ${second}`)).secrets
    assert.deepEqual([planned.action, planned.handle], ['is stored already', 'anthropic-api-key'])
    await json(`import env ${second} --write`)
    assert.match(readFileSync(second, 'utf8'), /credential anthropic-api-key/)
    assert.equal((await imported(journal)).length, 1)
    const again = await json(`import env ${first}`)
    assert.deepEqual(again.secrets, [])
    assert.match(again.remarks[0].why, /imported before, as credential anthropic-api-key/)

    await gateway.does('POST', '/credentials/anthropic-api-key/rotate', { secret: plain })
    const third = fileOf([`ANTHROPIC_API_KEY=${anthropic}`])
    const [rotated] = (await json(`import env ${third}`)).secrets
    assert.deepEqual([rotated.action, rotated.handle], ['would be stored', 'anthropic-api-key-2'])
  })

  test('leaves what it cannot name a service for, unless it is told one', async () => {
    await gateway.does('POST', '/services', {
      name: 'tickets',
      origins: ['https://tickets.example'],
      injection: { kind: 'bearer' },
    })
    const path = fileOf([`BILLING_SECRET=${plain}`, 'DATABASE_URL=postgres://me:s3cretpass@db/x', 'PASSWORD=short'])
    const before = readFileSync(path)
    const left = await json(`import env ${path} --write`)
    assert.deepEqual(
      [
        left.dryRun,
        left.secrets.map((secret: { place: string; service: string; action: string }) => [
          secret.place,
          secret.service,
          secret.action,
        ]),
      ],
      [
        true,
        [
          ['BILLING_SECRET', 'unknown', 'stays'],
          ['DATABASE_URL', 'unknown', 'stays'],
        ],
      ],
    )
    assert.ok(readFileSync(path).equals(before))
    assert.equal(left.secrets[1].why, 'only a part of the URL is the secret')
    const both = '--service BILLING_SECRET=tickets --service DATABASE_URL=tickets'
    const done = await json(`import env ${path} ${both} --write`)
    assert.equal(done.secrets[0].handle, 'tickets-billing-secret')
    assert.match(readFileSync(path, 'utf8'), /^# claviger: BILLING_SECRET .* of service tickets\nDATABASE_URL=postgres/)
  })

  test('refuses --service for a place that is not there, and changes nothing', async () => {
    const path = fileOf([`BILLING_SECRET=${plain}b`])
    const before = readFileSync(path)
    const refused = await asOperator(gateway, `import env ${path} --service BOGUS=tickets --write`, 64)
    assert.match(refused.stderr, /no secret was found at BOGUS\./)
    assert.ok(readFileSync(path).equals(before))
    await json(`import env ${path} --service BILLING_SECRET=github --write`)
    await json(`import env ${path} --service BILLING_SECRET=github --write`)
  })

  test('makes a service from its template, unless the template wants values', async () => {
    const path = fileOf([`GEMINI_API_KEY=${plain}g`, `SHOPIFY_TOKEN=${plain}s`])
    const done = await json(`import env ${path} --write`)
    const [gemini, shopify] = done.secrets
    assert.deepEqual([gemini.service, shopify.action], ['gemini (made)', 'stays'])
    assert.match(shopify.why, /claviger service add shopify/)
    const made = await gateway.does<{ template: string }>('GET', '/services/gemini')
    assert.equal(made.template, 'gemini')
    assert.match(readFileSync(path, 'utf8'), /^# claviger: GEMINI_API_KEY .*\nSHOPIFY_TOKEN=/)
  })

  test('refuses to undo over a change, and says what to do', async () => {
    const [one, two] = [fileOf([`TICKETS_TOKEN=${plain}1`]), fileOf([`TICKETS_TOKEN=${plain}2`])]
    const { journal } = await json(`import env ${one} ${two} --write`)
    appendFileSync(two, '\nNEW=1\n')
    const before = [picture(join(one, '..')), picture(join(two, '..'))]
    const refused = await asOperator(gateway, `import undo ${journal}`, 1)
    assert.match(refused.stderr, /\[import_file_changed\]/)
    assert.deepEqual([picture(join(one, '..')), picture(join(two, '..'))], before)
    const place = join(one, '..', 'saved')
    const { saved } = await json(`import undo ${journal} --to ${place}`)
    assert.deepEqual(
      saved.map((path: string) => readFileSync(path, 'utf8')),
      [`TICKETS_TOKEN=${plain}1`, `TICKETS_TOKEN=${plain}2`],
    )
    assert.match((await asOperator(gateway, `import undo ${journal} --to ${place}`, 64)).stderr, /\[file_unwritable\]/)
  })

  test('follows a link to its file, and leaves a file that has a second name', async () => {
    const target = fileOf([`GITHUB_TOKEN=${github}9`], 'real')
    const link = join(target, '..', '.env')
    symlinkSync('real', link)
    await json(`import env ${link} --service GITHUB_TOKEN=github --write`)
    assert.ok(lstatSync(link).isSymbolicLink())
    assert.match(readFileSync(target, 'utf8'), /^# claviger: /)

    const twice = fileOf([`GITHUB_TOKEN=${github}8`])
    linkSync(twice, join(twice, '..', 'other'))
    const [left] = (await json(`import env ${twice} --service GITHUB_TOKEN=github --write`)).secrets
    assert.deepEqual([left.action, left.why], ['stays', 'has another hard link, which would keep the plaintext'])
    assert.ok(readFileSync(twice, 'utf8').includes(github))
  })

  test('says why of files that it cannot read, does the rest, and ends with 3', async () => {
    const good = fileOf([`STRIPE_KEY=${stripe}7`])
    const place = join(good, '..')
    symlinkSync('loop', join(place, 'loop'))
    mkdirSync(join(place, 'folder'))
    writeFileSync(join(place, 'binary'), Buffer.from([0x41, 0x3d, 0xff, 0x00]))
    writeFileSync(join(place, 'huge'), Buffer.alloc(16 * 1_048_576 + 1, 0x41))
    const names = ['loop', 'folder', 'binary', 'huge', 'missing'].map((name) => join(place, name))
    const done = await json(`import env ${names.join(' ')} ${good} --service STRIPE_KEY=stripe --write`, 3)
    const whys = done.remarks.map(({ why }: { why: string }) => why.replace(`${place}/`, ''))
    assert.deepEqual(whys, [
      'loop is a link that leads back to itself (ELOOP).',
      'folder is a folder.',
      'binary is not text in UTF-8.',
      'huge holds more than 16 MiB.',
      'missing is not there (ENOENT).',
    ])
    assert.deepEqual(done.replaced, [good])
  })

  test('warns of a copy that stays in the file', async () => {
    const path = fileOf([`TICKETS_TOKEN=${plain}5`, `# the old way: curl -H 'authorization: Bearer ${plain}5'`])
    const { remarks } = await json(`import env ${path}`)
    assert.match(remarks[0].why, /stands at another place/)
  })

  test('refuses a journal that other hands changed', async () => {
    const path = fileOf([`TICKETS_TOKEN=${plain}6`])
    const { journal } = await json(`import env ${path} --write`)
    const file = join(gateway.home, 'imports', `${journal}.journal`)
    const whole = readFileSync(file, 'utf8')
    const elsewhere = join(path, '..', 'elsewhere')
    writeFileSync(elsewhere, 'mine')
    writeFileSync(file, whole.replace(`"file":"${path}"`, `"file":"${elsewhere}"`))
    assert.match((await asOperator(gateway, `import undo ${journal}`, 1)).stderr, /\[import_journal_damaged\]/)
    assert.equal(readFileSync(elsewhere, 'utf8'), 'mine')
    writeFileSync(file, `${whole}{"restored":"half of a li`)
    assert.deepEqual((await json(`import undo ${journal}`)).restored, [path])
    assert.equal((await json('import list')).items.at(-1).state, 'undone')
    assert.match((await asOperator(gateway, 'import undo imp_no_such', 1)).stderr, /\[import_journal_unknown\]/)
  })
})

describe('claviger scan', () => {
  test('tells places and rules, never values, and changes nothing', async () => {
    const path = fileOf(['# nothing', `key = "${github}"`, `{"k":"${anthropic}"}`], 'notes.txt')
    const place = join(path, '..')
    mkdirSync(join(place, 'node_modules'))
    writeFileSync(join(place, 'node_modules', 'x'), github)
    writeFileSync(join(place, 'picture'), Buffer.from([0, 1, 2]))
    symlinkSync('.', join(place, 'again'))
    const before = picture(place)
    const ended = await runs(`scan ${place} --json`, {}, 1)
    const { found, read } = JSON.parse(ended.stdout)
    assert.deepEqual(
      found.map((one: { line: number; service: string; rule: string }) => [one.line, one.service, one.rule]),
      [
        [2, 'github', 'github/GITHUB_TOKEN'],
        [3, 'anthropic', 'anthropic/ANTHROPIC_API_KEY'],
      ],
    )
    assert.equal(read, 1)
    for (const secret of [github, anthropic]) assert.ok(!`${ended.stdout}${ended.stderr}`.includes(secret))
    assert.deepEqual(picture(place), before)
    await runs(`scan ${fileOf(['nothing'])}`, {}, 0)
  })

  test('finds in files of variables what `import env` would find there, by name as well as by form', async () => {
    const lines = [`GITHUB_TOKEN=${github}`, `MY_PASSWORD=${plain}`, 'PORT=3000', `# was ${anthropic}`]
    const path = fileOf([...lines, `TELEGRAM_BOT_TOKEN='${plain}\n${plain}'`, 'API_KEY=changeme'])
    const ended = await runs(`scan ${path} --json`, {}, 1)
    const told = JSON.parse(ended.stdout).found.map((one: Record<string, string>) => [
      one.line,
      one.place,
      one.rule,
      one.service,
    ])
    assert.deepEqual(told, [
      [1, 'GITHUB_TOKEN', 'github/GITHUB_TOKEN', 'github'],
      [2, 'MY_PASSWORD', 'name', '-'],
      [4, undefined, 'anthropic/ANTHROPIC_API_KEY', 'anthropic'],
      [5, 'TELEGRAM_BOT_TOKEN', 'name', 'telegram'],
    ])
    assert.ok(!`${ended.stdout}${ended.stderr}`.includes(plain))
    // The same text in a file of another name is prose: a name before a sign says nothing there.
    await runs(`scan ${fileOf([`MY_PASSWORD=${plain}`], 'notes.txt')}`, {}, 0)
  })

  test('ends with 3 for a path that is not there', async () => {
    const path = fileOf(['nothing'])
    const place = join(path, '..')
    await runs(`scan ${join(place, 'missing')}`, {}, 3)
  })
})
