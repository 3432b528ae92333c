-- Signatures under certificates of releases. Who publishes or reads a certificate puts its canonical text here; the sealer,
-- which alone holds the log's key, signs what is a certificate in its next round. Certificates hold figures and no place.

CREATE TABLE ledger.certificate (
    digest          bytea PRIMARY KEY CHECK (digest = sha256(convert_to(content, 'UTF8'))),
    content         text NOT NULL CHECK (octet_length(content) <= 200000),   -- canonical JSON
    asked_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ledger.certificate_signature (
    digest          bytea PRIMARY KEY REFERENCES ledger.certificate,
    lines           text NOT NULL,     -- signature lines of a signed note; empty where the text was no certificate
    signed_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TRIGGER certificate_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.certificate
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER certificate_signature_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.certificate_signature
    EXECUTE FUNCTION ledger.refuse_change();

GRANT USAGE ON SCHEMA ledger TO penumbra_worker;
GRANT INSERT (digest, content) ON ledger.certificate TO penumbra_web, penumbra_worker;
GRANT SELECT ON ledger.certificate_signature TO penumbra_web;
GRANT SELECT (digest, lines) ON ledger.certificate_signature TO penumbra_worker;
GRANT SELECT ON ledger.certificate, ledger.certificate_signature TO penumbra_sealer;
GRANT INSERT (digest, lines) ON ledger.certificate_signature TO penumbra_sealer;
