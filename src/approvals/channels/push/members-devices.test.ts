// Devices of members, who are no operators: where they may be, and that they say nothing of how the operators' channel does.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Browser, PushService } from '../../../../test/instruments/push-service.ts'
import { until } from '../../../../test/instruments/wait.ts'
import { addressSet } from '../../../ground/addresses.ts'
import type { OperatorId } from '../../../ground/ids.ts'
import { parseOrigin } from '../../../ground/origin.ts'
import { createMailer } from '../../../http/mail.ts'
import { createOutbound, type Outbound } from '../../../http/outbound.ts'
import { createResolver } from '../../../http/resolve.ts'
import { TestApprovals, VERDICT } from '../../approvals.support.ts'
import { Channels } from '../channels.ts'
import { channelProblem } from '../contract.ts'
import { DOOR_TOKEN } from './contract.ts'

const BY = { kind: 'system', id: 'claviger' } as const
const TAP = { assurance: 'tap', lifeSeconds: 900, uses: 1 } as const
const ANN = VERDICT.operator
const MIA = 'op_0000000000000000000007' as OperatorId
const FCM = 'https://fcm.googleapis.com/fcm/send/mias'

class Place implements AsyncDisposable {
  /** Who is no operator. */
  readonly members = new Set<string>([MIA])
  readonly rooms: TestApprovals
  readonly service: PushService
  readonly channels: Channels
  /** What the service that everybody knows says; undefined: it is not reached. */
  known: number | undefined
  /** How often that was tried. */
  tried = 0

  private constructor(rooms: TestApprovals, service: PushService) {
    this.rooms = rooms
    this.service = service
    const { storage, clock, approvals, vault } = rooms
    const outbound = createOutbound({ resolver: createResolver({ clock }) })
    this.channels = new Channels({
      ...{ storage, clock, approvals },
      box: { seal: (purpose, bytes) => Buffer.from(vault.sealKey(purpose, bytes)), open: vault.openKey },
      outbound: (request) => (request.url === FCM ? this.#beyond() : outbound(request)),
      botApi: { root: 'http://127.0.0.1:9', allowed: undefined },
      answererOf: (id) => ({ name: id }),
      isOperator: (id) => !this.members.has(id),
      textOf: async () => ({ text: '', whole: false }),
      pageOf: () => undefined,
      pushServices: [{ origin: parseOrigin(service.origin, { anyPort: true }), allowed: addressSet(['127.0.0.1']) }],
      pushContact: undefined,
      mailer: createMailer({ resolver: createResolver({ clock }) }),
      times: { quiet: undefined, breaks: 'critical', escalateSeconds: 0 },
    })
  }

  static async open(): Promise<Place> {
    const place = new Place(await new TestApprovals().start(), await PushService.start())
    // The service looks at when it was signed.
    place.rooms.clock.advance(Date.now() - place.rooms.clock.now())
    await place.channels.load()
    place.channels.start()
    return place
  }

  async #beyond(): ReturnType<Outbound> {
    this.tried += 1
    if (this.known === undefined) throw channelProblem('channel_unreachable')
    return { status: this.known, headers: {}, body: Buffer.alloc(0) }
  }

  /** A browser of theirs, at the service that the operator named unless it says where. */
  async device(operator: OperatorId, endpoint?: string): Promise<Browser> {
    const { account } = await this.channels.push(BY)
    const browser = await this.service.subscribe(account)
    const { keys, ...at } = browser.subscription
    await this.channels.devices.add(
      { endpoint: endpoint ?? at.endpoint, keys, name: 'a device' },
      operator,
      DOOR_TOKEN,
      BY,
    )
    return browser
  }

  get failing(): readonly string[] {
    return this.channels.standing().failing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.channels.stop()
    await this.service[Symbol.asyncDispose]()
    await this.rooms[Symbol.asyncDispose]()
  }
}

describe('a member’s device', () => {
  test('is at a service that everybody knows, and never at one that the operator named', async () => {
    await using place = await Place.open()
    await assert.rejects(place.device(MIA), { code: 'push_service_unknown' })
    assert.deepEqual(place.channels.devices.list(), [])
    await place.device(MIA, FCM)
    await place.device(ANN)
    assert.deepEqual(
      place.channels.devices.list().map(({ operator }) => operator),
      [MIA, ANN],
    )
    assert.equal(place.channels.standing().people, 1, 'members are nobody whom the operators’ channel reaches')
  })

  test('gets nothing at the operator’s own service either where it was let in before', async () => {
    await using place = await Place.open()
    place.members.clear()
    const before = await place.device(MIA)
    const anns = await place.device(ANN)
    place.members.add(MIA)
    await place.rooms.ask({ terms: TAP })
    await until(() => anns.received().length === 1)
    await place.rooms.ask({ terms: TAP, path: '/v1/orders/8/pay' })
    await until(() => anns.received().length === 2)
    assert.deepEqual(before.received(), [])
    assert.deepEqual(place.failing, [])
  })

  test('that is not reached does not mark the operators’ channel as failing, and is tried again', async () => {
    await using place = await Place.open()
    await place.device(MIA, FCM)
    const anns = await place.device(ANN)
    await place.rooms.ask({ terms: TAP })
    await until(() => place.tried >= 1 && anns.received().length === 1)
    place.rooms.clock.advance(2_000)
    place.channels.start()
    await until(() => place.tried >= 2)
    assert.deepEqual(place.failing, [])
  })

  test('that is reached does not hide that an operator’s is not, and is no part of a test', async () => {
    await using place = await Place.open()
    place.known = 201
    await place.device(MIA, FCM)
    await place.device(ANN)
    await place.service[Symbol.asyncDispose]()
    await place.rooms.ask({ terms: TAP })
    await until(() => place.failing.length === 1)
    await place.rooms.ask({ terms: TAP, path: '/v1/orders/8/pay' })
    await until(() => place.tried >= 2)
    assert.deepEqual(place.failing, ['push'])
    await assert.rejects(place.channels.test('push'), { code: 'outbound_failed' })
    assert.equal(place.tried, 2)
  })

  test('that is gone is forgotten', async () => {
    await using place = await Place.open()
    place.known = 410
    await place.device(MIA, FCM)
    await place.rooms.ask({ terms: TAP })
    await until(() => place.channels.devices.list().length === 0)
    assert.deepEqual(place.failing, [])
  })
})
