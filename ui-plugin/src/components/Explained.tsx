import { Alert, Text } from '@grafana/ui';
import React from 'react';

/** What a builder has built, and what it means. */
export function Explained({ text, sentences }: { text: string; sentences: string[] }) {
  return (
    <div>
      <Text element="p" variant="code">
        {text}
      </Text>
      {sentences.map((sentence, i) => (
        <Text key={i} element="p" variant="bodySmall" color="secondary">
          {sentence}
        </Text>
      ))}
    </div>
  );
}

/** Says that a builder is about to replace what was typed as code, if it is unlike what was built. */
export function Overwritten({ typed, built }: { typed?: string; built: string }) {
  if (!typed || typed === built) {
    return null;
  }
  return (
    <Alert severity="info" title="What you build here replaces what was typed as code.">
      {typed}
    </Alert>
  );
}
