// `claviger llm`: what the guide says, as an operator types it.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BotMakerWorld, json } from './instruments/botmaker-world.ts'
import { asOperator } from './instruments/command-line.ts'
import { loopback } from './instruments/world.ts'

let world: BotMakerWorld
before(async () => {
  world = await BotMakerWorld.start({ services: ['openai'] })
  world.answers('v1', (request, response) => void request.on('end', () => json(response, 200, { ok: true })))
})
after(() => world[Symbol.asyncDispose]())

const says = async (line: string) => JSON.parse((await asOperator(world.gateway, `llm ${line} --json`)).stdout)
const prints = async (line: string) => (await asOperator(world.gateway, `llm ${line}`)).stdout

test('keys, bots, budgets, prices and vendors are made, listed, bounded and taken away', async () => {
  const file = join(world.gateway.folder, 'openai.key')
  writeFileSync(file, 'sk-from-a-file-0123456789\n', { mode: 0o600 })
  await prints(`key add openai --tag prod --label main --handle main-key --secret-file ${file}`)
  assert.match(await prints('key list'), /main-key +openai +prod +main +usable/)
  const { token } = await says('bot add writer --tag prod --model gpt-5* --vendor openai --ttl 30d')
  assert.equal((await world.chat(token)).status, 200)
  assert.equal((await world.chat(token, { model: 'o3' })).status, 403)
  await prints('bot set writer --open models --path /files/*')
  assert.equal((await world.chat(token, { model: 'o3' })).status, 200)
  assert.match(await prints('bot list'), /writer/)
  const renewed = await says('bot token writer')
  assert.deepEqual([(await world.chat(token)).status, (await world.chat(renewed.token)).status], [403, 200])
  const { id, amount, unit } = await says('budget set --agent writer --usd 5 --per day')
  assert.deepEqual([amount, unit], [5, 'money'])
  assert.match(await prints('budget list'), /writer/)
  await prints(`budget remove ${id}`)
  await asOperator(world.gateway, 'llm budget set --agent writer --usd 5 --tokens 5', 64)
  await prints('price set openai my-model --input 1 --output 2')
  assert.match(await prints('price list'), /my-model/)
  await prints('price reset openai my-model')
  assert.ok(!(await prints('price list')).includes('my-model'))
  await prints('vendor set mine --service openai --base-path /v1')
  assert.match(await prints('vendor list'), /mine +openai +\/v1/)
  await prints('vendor reset mine')
  assert.equal((await says('usage --agent writer --last 7d')).rows.length, 3)
  assert.match((await says('admin-token')).token, /^[0-9a-f]{64}$/)
  assert.match(await prints('usage'), /writer +openai +main-key/)
  await prints('key remove main-key')
  assert.equal((await world.chat(renewed.token)).status, 503)
  await prints('bot remove writer')
  assert.equal((await world.chat(renewed.token)).status, 403)
})

test('a key says its region: it goes to the vendor there, and to no other place', async () => {
  const at = { origins: [world.upstream.origin], addresses: loopback }
  await world.gateway.does('POST', '/services', { name: 'moonshot-china', template: 'moonshot', ...at })
  const file = join(world.gateway.folder, 'moonshot.key')
  writeFileSync(file, 'sk-of-china-0123456789abc', { mode: 0o600 })
  assert.match(await prints('vendor list'), /moonshot .*global.*china/)
  const wrong = await asOperator(world.gateway, `llm key add moonshot --region mars --secret-file ${file}`, 1)
  assert.match(wrong.stderr, /llm_region_unknown/)
  const key = await says(`key add moonshot --region china --handle kimi --secret-file ${file}`)
  assert.deepEqual([key.vendor, key.region], ['moonshot', 'china'])
  const { token } = await says('bot add traveller')
  assert.equal((await world.chat(token, {}, '/v1/moonshot/chat/completions')).status, 200)
  const { headers, url } = world.upstream.receipts.at(-1)!
  assert.deepEqual([url, headers.get('authorization')], ['/v1/chat/completions', ['Bearer sk-of-china-0123456789abc']])
  const eu = { origins: ['https://eu.api.openai.com'], injection: { kind: 'bearer' } }
  // A service that happens to have the name of the region's is not given the key.
  await world.gateway.does('POST', '/services', { name: 'minimax-china', injection: eu.injection, ...at })
  const astray = await asOperator(world.gateway, `llm key add minimax --region china --secret-file ${file}`, 1)
  assert.match(astray.stderr, /llm_service_elsewhere/)
  await world.gateway.does('POST', '/services', { name: 'openai-eu', ...eu })
  assert.equal((await says(`key add openai --region eu --handle of-eu --secret-file ${file}`)).region, 'eu')
  await prints('key remove of-eu')
  // A budget of the vendor holds for what it is in every region.
  await prints('budget set --vendor moonshot --requests 1')
  const around = { host: `127.0.0.1:${world.gateway.port}`, authorization: `Bearer ${token}` }
  const elsewhere = await world.gateway.agent('GET', '/to/moonshot-china/v1/models', { headers: around })
  assert.notEqual(elsewhere.status, 200)
  // By BotMaker's administration, too; the usual region is the vendor's own service.
  const admin = (await says('admin-token')).token
  const add = (region?: string) =>
    world.admin('POST', '/admin/keys', { vendor: 'moonshot', secret: 'sk-two-0123456789', region }, admin)
  assert.deepEqual([(await add('global')).status, (await add()).status, (await add('mars')).status], [200, 200, 400])
  const { items } = await world.gateway.does<{ items: { name: string; origins: string[] }[] }>('GET', '/services')
  assert.deepEqual(items.find(({ name }) => name === 'moonshot')?.origins, ['https://api.moonshot.ai'])
})

test('a key has a name that a person can type, and is found by its label where it has it alone', async () => {
  const file = join(world.gateway.folder, 'named.key')
  writeFileSync(file, 'sk-named-0123456789abcdef', { mode: 0o600 })
  const add = (more: string) => says(`key add openai --secret-file ${file} ${more}`)
  const [one, two, three] = [await add('--label first'), await add('--label twin'), await add('--label twin')]
  assert.deepEqual([one.handle, two.handle, three.handle], ['openai-1', 'openai-2', 'openai-3'])
  await prints('key take-back first')
  await asOperator(world.gateway, 'llm key remove twin', 1)
  for (const name of ['first', 'openai-2', 'twin']) await prints(`key remove ${name}`)
  assert.ok(!(await prints('key list')).includes('openai-'))
  assert.equal((await add('--label again')).handle, 'openai-1')
})
