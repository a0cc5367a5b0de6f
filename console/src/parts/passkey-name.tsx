interface PasskeyNameProps {
  readonly value: string
  onChange(value: string): void
}

export function PasskeyName({ value, onChange }: PasskeyNameProps) {
  return (
    <>
      <label htmlFor="passkey-name">Name of the passkey</label>
      <input
        id="passkey-name"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        placeholder="e.g. laptop, phone"
        autoComplete="off"
        required
        maxLength={64}
      />
    </>
  )
}
