import { useState } from 'react'
import { pushHere, switchOff, switchOn } from '../api/push.ts'
import type { Device, Items, SignedIn } from '../api/types.ts'
import { Row } from '../parts/row.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { Twice } from '../parts/twice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useTask } from '../parts/use-task.ts'
import { moment } from '../parts/words.ts'

/** Browsers that are told of what waits. */
export function DevicesView({ who }: { readonly who: SignedIn }) {
  const { value, trouble, again } = useLoad<Items<Device>>('/push/devices')
  const { busy, trouble: refused, run } = useTask()
  const off = (device: Device) =>
    run(async () => {
      await switchOff(device)
      again()
    })
  const { name, role } = who.operator
  const mine = value?.items.filter(({ operator }) => operator === name)
  return (
    <>
      <Title>Devices</Title>
      <p>Yours that are told of what waits. A yes on one, signed in, is worth more than a tap.</p>
      <Trouble says={trouble ?? refused} />
      <ul className="rows">
        {mine?.map((device) => (
          <DeviceRow key={device.id} of={device} busy={busy} onOff={() => void off(device)} />
        ))}
      </ul>
      {role !== 'auditor' && mine !== undefined && !mine.some(({ here }) => here) && <ThisBrowser onAdded={again} />}
    </>
  )
}

interface RowProps {
  readonly of: Device
  readonly busy: boolean
  onOff(): void
}

function DeviceRow({ of: { name, service, here, createdAt }, busy, onOff }: RowProps) {
  return (
    <Row name={name} words={[here && 'this browser']} quiet={`since ${moment(createdAt)}, by ${service}`}>
      <Twice name="Switch off" sure="Switch it off" about={name} busy={busy} onSure={onOff} />
    </Row>
  )
}

const why = {
  blocked: 'Notifications of these pages are blocked. Allow them in the settings of the browser.',
  home: 'Put these pages on the home screen first (Share, Add to Home Screen), and open them there.',
  cannot: 'This browser takes no pushes.',
} as const

function ThisBrowser({ onAdded }: { onAdded(): void }) {
  const { busy, trouble, run } = useTask()
  const [name, setName] = useState('')
  const can = pushHere()
  if (can !== 'can') return <p className="quiet">{why[can]}</p>
  const on = async () => {
    await switchOn(name.trim())
    onAdded()
  }
  return (
    <section>
      <h2>This browser</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void run(on)
        }}
      >
        <label htmlFor="device-name">Name of the device</label>
        <input
          id="device-name"
          value={name}
          onChange={(event) => setName(event.target.value)}
          required
          maxLength={64}
          autoComplete="off"
        />
        <button type="submit" disabled={busy}>
          Push here
        </button>
        <Trouble says={trouble} />
      </form>
    </section>
  )
}
