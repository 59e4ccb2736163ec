-- Mail campaigns with what came of them.
-- Grain: campaign_id. Owner: marketing. Reads: staging.mailchimp_campaign, mailchimp_report.
select
    c.campaign_id,
    coalesce(c.title, r.title) as title,
    coalesce(c.subject, r.subject) as subject,
    c.kind,
    c.status,
    coalesce(r.sent_at, c.sent_at) as sent_at,
    coalesce(r.emails_sent, c.emails_sent) as recipients,
    r.emails_sent - coalesce(r.hard_bounces, 0) - coalesce(r.soft_bounces, 0) as delivered,
    r.unique_opens,
    -- Empty where Mailchimp does not tell people from machines.
    r.unique_opens_people,
    r.opens_total,
    r.unique_clicks,
    r.clicks_total,
    r.hard_bounces,
    r.soft_bounces,
    r.unsubscribed,
    r.abuse_reports,
    c.gone_at
from staging.mailchimp_campaign as c
left join staging.mailchimp_report as r using (campaign_id)
