import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../../ground/clock.ts'
import { type GeoFile, GeoIp } from './geoip.ts'
import { city, type MmdbOptions, mmdb } from './mmdb.support.ts'

const networks = {
  '203.0.113.0/24': city('US', 37.75, -97.82, 1_000),
  '198.51.100.0/25': city('CN', 39.9, 116.4),
  '198.51.100.128/32': city('DE'),
  '192.0.2.0/26': { country_code: 'FR' },
  '192.0.2.64/26': { country: 'IT' },
  '192.0.2.128/26': { country: { iso_code: 'usa' } },
  '192.0.2.192/26': { country: { iso_code: 'ES' }, location: { latitude: 91.5, longitude: 3.5 } },
}
const networks6 = { '2001:db8::/32': city('JP', 35.5, 139.5), '2001:db9:1::/48': city('SE') }

/** The file as tests change it: undefined is not there. */
class TestFile implements GeoFile {
  bytes: Buffer | undefined
  version = 1
  reads = 0
  fails = false

  constructor(bytes?: Buffer) {
    this.bytes = bytes
  }
  async stamp(): Promise<string | undefined> {
    if (this.fails) throw new Error('EIO')
    return this.bytes && String(this.version)
  }
  async read(): Promise<Buffer> {
    this.reads += 1
    return this.bytes!
  }
}

async function geoOf(bytes?: Buffer) {
  const clock = new SetClock()
  const file = new TestFile(bytes)
  const trouble: unknown[] = []
  const geo = new GeoIp(file, clock, (error) => trouble.push(error))
  await geo.refresh()
  return { clock, file, geo, trouble }
}

describe('GeoIp', () => {
  const shapes: readonly MmdbOptions[] = [{ recordSize: 24 }, { recordSize: 28 }, { recordSize: 32 }]
  for (const options of shapes) {
    test(`finds addresses in a database of ${options.recordSize}-bit records`, async () => {
      const { geo } = await geoOf(mmdb({ ...networks, ...networks6 }, options))
      const found: readonly (readonly [string, string | undefined])[] = [
        ['203.0.113.0', 'US'],
        ['203.0.113.255', 'US'],
        ['203.0.114.0', undefined],
        ['198.51.100.127', 'CN'],
        ['198.51.100.128', 'DE'],
        ['198.51.100.129', undefined],
        ['192.0.2.1', 'FR'],
        ['192.0.2.65', 'IT'],
        ['192.0.2.129', undefined],
        ['192.0.2.193', 'ES'],
        ['2001:db8:ffff::1', 'JP'],
        ['2001:db9:1::1', 'SE'],
        ['2001:db9:2::1', undefined],
        ['::1', undefined],
        ['unknown', undefined],
        ['', undefined],
      ]
      for (const [address, country] of found) assert.equal(geo.find(address)?.country, country, address)
    })
  }

  test('gives the point where the database has one that can be', async () => {
    const { geo } = await geoOf(mmdb(networks))
    assert.deepEqual(geo.find('203.0.113.9'), {
      country: 'US',
      point: { latitude: 37.75, longitude: -97.82, radiusKm: 1_000 },
    })
    assert.deepEqual(geo.find('192.0.2.193'), { country: 'ES' })
  })

  test('reads a database of IPv4 alone, and knows nothing of IPv6 then', async () => {
    const { geo } = await geoOf(mmdb(networks, { ipVersion: 4, type: 'Test-Country', builtAt: 1_700_000_000_000 }))
    assert.equal(geo.find('203.0.113.1')?.country, 'US')
    assert.equal(geo.find('2001:db8::1'), undefined)
    assert.deepEqual(geo.state, { state: 'ready', type: 'Test-Country', builtAt: 1_700_000_000_000 })
  })

  test('without a file finds nothing and says that it is off', async () => {
    const geo = new GeoIp(undefined, new SetClock())
    await geo.refresh()
    assert.equal(geo.find('203.0.113.1'), undefined)
    assert.deepEqual(geo.state, { state: 'off' })
  })

  test('follows the file: missing, there, replaced, damaged, there again, missing again', async () => {
    const { geo, file, clock, trouble } = await geoOf()
    assert.equal(geo.state.state, 'missing')
    const later = async (bytes: Buffer | undefined) => {
      file.bytes = bytes
      file.version += 1
      clock.advance(60_000)
      geo.find('203.0.113.1')
      await geo.refresh()
      return [geo.state.state, geo.find('203.0.113.1')?.country]
    }
    assert.deepEqual(await later(mmdb({ '203.0.113.0/24': city('US') })), ['ready', 'US'])
    assert.deepEqual(await later(mmdb({ '203.0.113.0/24': city('CA') })), ['ready', 'CA'])
    assert.equal(trouble.length, 0)
    assert.deepEqual(await later(Buffer.from('half a fi')), ['ready', 'CA'], 'what was read stays')
    assert.equal(trouble.length, 1)
    assert.deepEqual(await later(mmdb({ '203.0.113.0/24': city('MX') })), ['ready', 'MX'])
    assert.deepEqual(await later(undefined), ['missing', undefined])
  })

  test('looks for a newer file at most once a minute, and reads it only when it changed', async () => {
    const { geo, file, clock } = await geoOf(mmdb(networks))
    for (let i = 0; i < 120; i += 1) {
      clock.advance(1_000)
      geo.find('203.0.113.1')
      await geo.refresh()
    }
    assert.equal(file.reads, 1)
  })

  test('survives files that are none, cut at any place, or hold loops', async () => {
    const whole = mmdb({ ...networks, ...networks6 })
    for (let length = 0; length < whole.length; length += 7) {
      const { geo } = await geoOf(whole.subarray(0, length))
      assert.equal(geo.state.state, 'damaged')
      assert.equal(geo.find('203.0.113.1'), undefined)
    }
    const marker = whole.lastIndexOf('MaxMind.com')
    for (let at = 0; at < marker; at += 3) {
      const broken = Buffer.from(whole)
      broken[at] = broken[at]! ^ 0x20
      const { geo } = await geoOf(broken)
      for (const address of ['203.0.113.1', '198.51.100.1', '2001:db8::1']) geo.find(address)
    }
    // A record that is a pointer to itself.
    const loop = Buffer.from(mmdb({ '203.0.113.0/24': 'ab' }, { recordSize: 24 }))
    loop.set([0x20, 0x00], loop.lastIndexOf('\xab\xcd\xefMaxMind.com', undefined, 'latin1') - 3)
    const { geo } = await geoOf(loop)
    assert.equal(geo.find('203.0.113.1'), undefined)
  })

  test('says damaged of a file that cannot be looked at', async () => {
    const file = new TestFile(mmdb(networks))
    file.fails = true
    const trouble: unknown[] = []
    const geo = new GeoIp(file, new SetClock(), (error) => trouble.push(error))
    await geo.refresh()
    assert.deepEqual([geo.state.state, trouble.length], ['damaged', 1])
  })
})
